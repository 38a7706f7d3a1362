import { randomUUID } from 'node:crypto';
import { pino, type Logger } from 'pino';
import * as z from 'zod';
import { afterEach, describe, expect, test } from 'vitest';
import { connectEvents, eventStream, FORGOTTEN, type EventsConnection } from '../../src/connect-events.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { all, orders, paid, placed } from './orders.ts';

const old = eventStream({
  name: 'parcel',
  version: 1,
  events: { sent: z.object({ grams: z.number(), to: z.string() }) },
  personal: { sent: { fields: ['to'] } },
});
const parcels = eventStream({
  name: 'parcel',
  version: 1,
  events: { sent: z.object({ kilos: z.number(), to: z.string() }) },
  personal: { sent: { fields: ['to'] } },
}).upcast('sent', 1, ({ grams, ...rest }: { grams: number; to: string }) => ({ ...rest, kilos: grams / 1000 }));
const labels = eventStream({ name: 'label', version: 1, events: { printed: z.object({ for: z.string() }) } });

describe.each(STORE_KINDS)('the event store alone, on %s', (kind) => {
  const store = useStore(kind);
  const open = new Set<EventsConnection>();
  afterEach(async () => {
    for (const connection of open) await connection.close();
    open.clear();
  });
  async function connected(): Promise<EventsConnection> {
    const place = kind === 'embedded' ? { folder: store.url } : {};
    const logger = pino({ level: 'silent' });
    const connection = await connectEvents(kind === 'embedded' ? '' : store.url, { namespace: store.namespace, logger, ...place });
    open.add(connection);
    return connection;
  }

  test('appends, reads and loads; closed, it can be opened again', async () => {
    const id = randomUUID();
    const connection = await connected();
    await connection.events.append(orders, id, [placed(), paid()], { expectedVersion: 'none' });
    await connection.close();
    await connection.close();
    const { events } = await connected();
    expect(await events.load(orders, id)).toMatchObject({ state: { status: 'paid' }, version: 2 });
  });

  test('a subscriber gets the events as the definition shows them; what it appends is stored once, however often it is tried', async () => {
    const { events } = await connected();
    const [id, gone] = [randomUUID(), randomUUID()];
    await events.append(old, gone, [{ type: 'sent', data: { grams: 500, to: 'Bert' } }], { expectedVersion: 'none' });
    await events.forget(gone);
    await events.append(old, id, [{ type: 'sent', data: { grams: 1500, to: 'Anna' } }], {
      expectedVersion: 'none',
      metadata: { correlationId: 'c1' },
    });
    const seen: unknown[] = [];
    let failed = false;
    const subscription = await events.subscribe(
      `labels-${id}`,
      { events: [parcels], from: 'start', retryDelayMs: 5, transaction: false },
      async (event, { attempt }) => {
        if (event.type !== 'sent') return;
        await events.append(labels, `${id}-${event.aggregateId}`, [{ type: 'printed', data: { for: event.data.to } }], {
          expectedVersion: 'any',
        });
        if (event.aggregateId === id && attempt === 1) {
          failed = true;
          throw new Error('the answer was lost');
        }
        seen.push([event.aggregateId, event.data, event.eventData === event.data]);
      },
    );
    await subscription.caughtUp();
    expect(failed).toBe(true);
    expect(seen).toEqual(
      expect.arrayContaining([
        [gone, { kilos: 0.5, to: FORGOTTEN }, false],
        [id, { kilos: 1.5, to: 'Anna' }, false],
      ]),
    );
    const [source] = await all(events.read(parcels, id));
    expect(await all(events.read(labels, `${id}-${id}`))).toMatchObject([
      { data: { for: 'Anna' }, metadata: { correlationId: 'c1', causationId: source!.eventId, actor: `subscription:labels-${id}` } },
    ]);
    expect((await events.subscriptions()).map(({ name }) => name)).toContain(`labels-${id}`);
  });

  test('a subscription follows archived and tombstoned streams, and ends with its connection', async () => {
    const connection = await connected();
    const { events } = connection;
    const id = randomUUID();
    await events.append(orders, id, [placed(), paid()], { expectedVersion: 'none' });
    await events.archive(orders, id);
    const seen: string[] = [];
    await events.subscribe(`all-${id}`, { events: [orders], from: 'start' }, (event) => {
      if (event.aggregateId === id) seen.push(event.eventType);
    });
    await eventually(() => expect(seen).toEqual(['placed', 'paid']));
    await events.tombstone(orders, id);
    await eventually(() => expect(seen).toEqual(['placed', 'paid', '$tombstoned']));
    await connection.close();
    await expect(events.subscribe('late', { from: 'start' }, () => undefined)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

test.each([
  ['mysql://localhost/x', {}],
  ['redis://localhost', { namespace: 'No' }],
  ['postgres://localhost', { maxPayloadBytes: 0 }],
  ['postgres://localhost', { storeTimeoutMs: 5 }],
  ['postgres://localhost', { logger: false as unknown as Logger }],
  ['postgres://localhost', { logger: console as unknown as Logger }],
])('%s with %j is refused before anything is opened', async (url, options) => {
  await expect(connectEvents(url, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});
