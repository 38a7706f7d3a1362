import { createPostgresBackend, Worker, type BackendFactory } from 'bullmq';
import { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { useBench } from '../engine/fixture.ts';

const JOBS = 200;

describe.each(STORE_KINDS)('removal on %s', (kind) => {
  const bench = useBench(kind);

  test('a job that a worker takes at that moment is either removed or taken', async () => {
    const { plain } = engineOf(bench.amends).queues;
    const places = Array.from({ length: JOBS }, (_, i) => ({ queue: 'races', jobId: `job-${i}` }));
    for (const place of places) await plain.add({ ...place, name: 'x', message: {} });
    const taken = new Set<string>();
    const removed = new Set<string>();
    const removals = new Map<string, Promise<void>>();
    const options = { concurrency: 20, lockMs: 30_000, stallCheckMs: 30_000, onError: () => undefined };
    const consumer = await plain.consume(
      'races',
      async ({ jobId }) => {
        taken.add(jobId);
        await removals.get(jobId); // in work until then: one that is done may be removed
        return { kind: 'done', value: null };
      },
      options,
    );
    try {
      for (const place of places) {
        const removal = plain.remove(place).then((losses) => void (losses !== undefined && removed.add(place.jobId)));
        removals.set(place.jobId, removal);
      }
      await Promise.all(removals.values());
      await eventually(() => expect(taken.size + removed.size).toBeGreaterThanOrEqual(JOBS));
    } finally {
      await consumer.close();
    }
    expect([...removed].filter((id) => taken.has(id))).toEqual([]);
    expect(taken.size + removed.size).toBe(JOBS);
  });
});

describe('removal on a server whose sessions overlap', () => {
  const bench = useBench('postgres');

  test('a job whose taking is not committed yet is left to its worker', async () => {
    const { plain } = engineOf(bench.amends).queues;
    const place = { queue: 'taken', jobId: 'it' };
    await plain.add({ ...place, name: 'x', message: {} });
    const pool = new Pool({ connectionString: bench.store.url, options: '-c search_path=bullmq' });
    const session = await pool.connect();
    const nothing = (): undefined => undefined;
    const query = session.query.bind(session);
    const inside = {
      query,
      connect: () => Promise.resolve(inside),
      release: nothing,
      on: nothing,
      removeAllListeners: nothing,
      end: nothing,
    };
    const onSession = ((name, options, more) => createPostgresBackend(name, { ...options, connection: inside }, more)) as BackendFactory;
    const worker = new Worker(plain.bullQueue('taken').name, undefined, { connection: {}, autorun: false }, onSession);
    try {
      await worker.waitUntilReady();
      await session.query('BEGIN');
      expect((await worker.getNextJob('token', { block: false }))?.id).toBe('it');
      const removing = plain.remove(place);
      const discarding = plain.discard(place);
      await eventually(async () => {
        const { rows } = await pool.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        expect(rows).toHaveLength(2);
      });
      await session.query('COMMIT');
      expect(await removing).toBe(undefined);
      await discarding;
      expect(await plain.stateOf(place)).toBe('active');
    } finally {
      await worker.close();
      session.release();
      await pool.end();
    }
  });
});
