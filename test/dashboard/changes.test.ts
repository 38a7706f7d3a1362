import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import request from 'supertest';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { commitOf, started } from '../support/transactions.ts';
import { tripSaga, useBench } from './fixture.ts';
import { Listener } from './listener.ts';

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

  /** Many at once, as they come of a burst. */
  const begin = async (ids: readonly string[]): Promise<void> => {
    const { journal } = engineOf(bench.amends);
    await Promise.all(ids.map((id) => journal.commit(commitOf(id, 0, [started('trip')], { saga: 'trip', status: 'running' }))));
  };

  test('whoever is cut in the middle of several that came together is told of the others', async () => {
    const first = listen();
    await eventually(() => expect(first.told.length).toBeGreaterThan(0));
    first.close();
    await begin(['a', 'b', 'c', 'd']);
    const second = listen('', { 'Last-Event-ID': first.lastId });
    await eventually(() => expect(second.changes()).toHaveLength(4));
    const places = second.told.filter(({ event }) => event === 'change').map(({ id }) => id);
    expect(places).toEqual([undefined, undefined, undefined, expect.stringMatching(/\d/)]);
  });

  test('a burst is told whole to whoever takes it', async () => {
    const first = listen();
    await eventually(() => expect(first.told.length).toBeGreaterThan(0));
    first.close();
    const ids = Array.from({ length: 2_000 }, (_, i) => `${'x'.repeat(120)}-${i}`);
    await begin(ids);
    const all = listen('', { 'Last-Event-ID': first.lastId });
    await eventually(() => expect(new Set(all.changes()).size).toBe(ids.length));
    expect(all.closed).toBe(false);
    expect(all.told.map(({ event }) => event)).not.toContain('reset');
  });

  test('what could not be looked up is told once it can be', async () => {
    const { journal } = engineOf(bench.amends);
    const one = listen();
    await eventually(() => expect(one.told.length).toBeGreaterThan(0));
    const failing = vi.spyOn(journal, 'summaries').mockRejectedValueOnce(new Error('the store was away'));
    await begin(['lost']);
    await eventually(() => expect(failing).toHaveBeenCalled());
    await begin(['next']);
    await eventually(() => expect(new Set(one.changes())).toEqual(new Set(['lost running', 'next running'])));
    failing.mockRestore();
  });

  test('HEAD ends with its headers', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const head = async (): Promise<string | undefined> => {
      const asked = httpRequest(`${bench.dashboard.url}/events`, { method: 'HEAD', agent }).end();
      const [response] = (await once(asked, 'response', { signal: AbortSignal.timeout(5_000) })) as [IncomingMessage];
      await once(response.resume(), 'end');
      return response.headers['content-type'];
    };
    // The second one goes over the same connection, once the first has ended.
    for (let i = 0; i < 2; i++) expect(await head()).toMatch(/event-stream/);
    agent.destroy();
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
