import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { eventStream } from '../../src/events/event-stream.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { namedStep, useBench } from '../engine/fixture.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { all, orders, paid, placed } from './orders.ts';

const mails = eventStream({ name: 'mail', version: 1, events: { asked: z.object({ to: z.string() }) } });
const asked = (to: string) => ({ type: 'asked', data: { to } }) as const;
const input = z.object({ order: z.string() });

describe.each(STORE_KINDS)('events that a saga step appends, on %s', (kind) => {
  const bench = useBench(kind);

  test('are stored once, however often the step runs, and say where they come from', async () => {
    const { events } = bench.amends;
    const [order, id] = [randomUUID(), `saga-${randomUUID()}`];
    const attempts: number[] = [];
    const definition = saga({ name: 'placing', version: 1, input }).step(
      step({
        name: 'place',
        input,
        result: z.object({ version: z.number() }),
        retry: { attempts: 3, delayMs: 5 },
        async run({ attempt }) {
          attempts.push(attempt);
          const { version } = await events.load(orders, order);
          await events.append(orders, order, [placed(), paid(1)], { expectedVersion: version });
          await Promise.all([
            events.append(mails, order, [asked('a')], { expectedVersion: 'any' }),
            events.append(orders, order, [paid(2)], { expectedVersion: 'any', metadata: { actor: 'anna' } }),
          ]);
          await events.append(mails, order, [{ ...asked('b'), eventId: `mine-${order}` }], { expectedVersion: 'any' });
          if (attempt < 3) throw new Error('the answer was lost');
          return await events.load(orders, order);
        },
        compensate: () => undefined,
      }),
      ({ input: given }) => given,
    );
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order }, { id });
    expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'completed' });
    expect(attempts).toEqual([1, 2, 3]);

    const key = `${id}:place:run`;
    const stored = await all(events.read(orders, order));
    expect(stored).toMatchObject([
      { type: 'placed', metadata: { correlationId: id, causationId: key, actor: 'saga:placing/place' } },
      { type: 'paid', data: { cents: 1 } },
      { type: 'paid', data: { cents: 2 }, metadata: { correlationId: id, actor: 'anna' } },
    ]);
    for (const { eventId } of stored) expect(eventId.startsWith(`${key}/`)).toBe(true);
    expect(await all(events.read(mails, order))).toMatchObject([{ data: { to: 'a' } }, { data: { to: 'b' }, eventId: `mine-${order}` }]);
  });

  test('branches at the same time, and the undo, are told apart', async () => {
    const { events } = bench.amends;
    const [order, id] = [randomUUID(), `saga-${randomUUID()}`];
    const append = (to: string) => events.append(mails, order, [asked(to)], { expectedVersion: 'any' });
    const branch = <const Name extends string>(name: Name) =>
      namedStep(name, bench.ledger, { run: () => append(name).then(() => undefined), compensate: () => append(`-${name}`) });
    const failing = namedStep('last', bench.ledger, {
      retry: { attempts: 1 },
      run: () => {
        throw new Error('no');
      },
    });
    const definition = saga({ name: 'branches', version: 1, input })
      .parallel((both) => both.step(branch('left'), ({ input: given }) => given).step(branch('right'), ({ input: given }) => given))
      .step(failing, ({ input: given }) => given);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order }, { id });
    expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'compensated' });
    const causes = (await all(events.read(mails, order))).map(({ data, metadata }) => [
      (data as { to: string }).to,
      metadata['causationId'],
    ]);
    expect(new Map(causes as [string, unknown][])).toEqual(
      new Map([
        ['left', `${id}:left:run`],
        ['right', `${id}:right:run`],
        ['-left', `${id}:left:compensate`],
        ['-right', `${id}:right:compensate`],
      ]),
    );
    expect(causes).toHaveLength(4);
  });

  test('outside of a step an event has an id of its own and no cause', async () => {
    const { events } = bench.amends;
    const order = randomUUID();
    await events.append(orders, order, [placed(), paid()], { expectedVersion: 'none' });
    const [first, second] = await all(events.read(orders, order));
    expect(first!.eventId).not.toBe(second!.eventId);
    expect([first!.metadata, second!.metadata]).toEqual([{}, {}]);
  });
});
