import { get, type IncomingMessage } from 'node:http';
import request from 'supertest';
import { afterEach, describe, expect, test } from 'vitest';
import { change as changeSchema } from '../../dashboard/api/changes.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { tripSaga, useBench } from './fixture.ts';

interface Told {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** What a browser's EventSource would be told. */
class Listener {
  readonly told: Told[] = [];
  closed = false;
  status: number | undefined;
  headers: IncomingMessage['headers'] = {};
  #text = '';
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = get(url, { headers }, (response) => {
      ({ statusCode: this.status, headers: this.headers } = response);
      response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
      response.on('close', () => (this.closed = true));
    }).on('error', () => (this.closed = true));
  }

  changes(): string[] {
    return this.told.flatMap(({ event, data }) =>
      event === 'change' ? [`${changeSchema.parse(data).id} ${changeSchema.parse(data).status}`] : [],
    );
  }

  get lastId(): string {
    return this.told.findLast(({ id }) => id !== undefined)!.id!;
  }

  close(): void {
    this.#request.destroy();
  }

  #take(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n');
    this.#text = blocks.pop()!;
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const event = fields.get('event');
      if (event !== undefined) this.told.push({ event, id: fields.get('id'), data: JSON.parse(fields.get('data')!) });
    }
  }
}

describe.each(STORE_KINDS)('changes by server-sent events on %s', (kind) => {
  const bench = useBench(kind, { apart: true });
  const listeners: Listener[] = [];
  const listen = (query = '', headers: Record<string, string> = {}): Listener => {
    const made = new Listener(`${bench.dashboard.url}/events${query}`, headers);
    listeners.push(made);
    return made;
  };
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.close();
  });
  const complete = async (id: string): Promise<void> => {
    await (await bench.amends.start(tripSaga(), { order: 'o1' }, { id })).result({ timeoutMs: 15_000 });
  };

  test('tell of each transaction how it stands, or of one alone', async () => {
    await bench.work(tripSaga());
    const [all, one] = [listen(), listen('?transaction=trip-2')];
    await eventually(() => expect([all.told[0]?.event, one.told[0]?.event]).toEqual(['hello', 'hello']));
    expect(all.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    await complete('trip-1');
    await complete('trip-2');
    await eventually(() => {
      expect(all.changes()).toEqual(expect.arrayContaining(['trip-1 completed', 'trip-2 completed']));
      expect(one.changes().at(-1)).toBe('trip-2 completed');
    });
    expect(one.changes().filter((text) => !text.startsWith('trip-2 '))).toEqual([]);
  });

  test('go on after a cut where they were, by header or by query', async () => {
    await bench.work(tripSaga());
    const first = listen();
    await eventually(() => expect(first.told.length).toBeGreaterThan(0));
    first.close();
    await complete('trip-1'); // while nobody listens
    for (const again of [listen('', { 'Last-Event-ID': first.lastId }), listen(`?lastEventId=${first.lastId}`)]) {
      await eventually(() => expect(again.changes()).toEqual(['trip-1 completed']));
      const later = listen('', { 'Last-Event-ID': again.lastId });
      await eventually(() => expect(later.told.length).toBeGreaterThan(0));
      expect(later.changes()).toEqual([]);
    }
  });

  test('say that something may have been missed where the place is not ours, or was never reached', async () => {
    for (const place of ['x', '1.2.3.4.5.6', '999999999']) {
      const lost = listen('', { 'Last-Event-ID': place });
      await eventually(() => expect(lost.told.map(({ event }) => event)).toContain('reset'));
      const reset = lost.told.find(({ event }) => event === 'reset')!;
      expect(reset.data).toEqual({ reason: expect.any(String) as string });
      const after = listen('', { 'Last-Event-ID': reset.id! });
      await eventually(() => expect(after.told.map(({ event }) => event)).toEqual(['hello']));
    }
  });

  test('end with the dashboard, and their number is bounded', async () => {
    const many = Array.from({ length: 100 }, () => listen());
    await eventually(() => expect(many.every(({ told }) => told.length > 0)).toBe(true));
    const refused = await request(bench.dashboard.url).get('/events').expect(503);
    expect(refused.headers['retry-after']).toBe('5');
    expect(refused.body).toEqual({ error: { code: 'HTTP_503', message: expect.any(String) as string } });
    many[0]!.close();
    await eventually(() => {
      const next = listen();
      return eventually(() => expect(next.status).toBe(200));
    });
    await bench.dashboard.close();
    await eventually(() => expect(many.every(({ closed }) => closed)).toBe(true));
  });
});
