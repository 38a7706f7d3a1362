import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { STORE_KINDS } from '../support/stores.ts';
import { tripSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('overview on %s', (kind) => {
  const bench = useBench(kind);

  test('counts by status, and what is stuck with its error, as text', async () => {
    const empty = await request(bench.dashboard.url).get('/').expect(200).expect('Content-Type', /html/);
    expect(empty.text).toContain('Nothing is stuck.');

    const trip = tripSaga();
    await bench.work(trip);
    await (await bench.amends.start(trip, { order: 'o1' }, { id: 'trip-1' })).result({ timeoutMs: 15_000 });
    Object.assign(bench.services, { declines: true, canUndo: false });
    const stuck = await bench.amends.start(trip, { order: 'o2' }, { id: 'eu/trip:2' });
    expect((await stuck.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');

    const { text } = await request(bench.dashboard.url).get('/').expect(200);
    expect(text).toContain('<dt>completed</dt><dd>1</dd>');
    expect(text).toContain('<dt>stuck</dt><dd>1</dd>');
    expect(text).toContain('<title>Amends: 1 stuck</title>');
    expect(text).toContain('href="/queues/queue/saga-trip/root.eu!2Ftrip!3A2"');
    expect(text).toContain('the stock is &lt;img src=x onerror=alert(1)&gt; away');
    expect(text).not.toContain('<img');
    expect(text).not.toContain('<script');
  });
});
