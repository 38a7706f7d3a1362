import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { WorkerOptions } from '../../src/workers/worker.ts';
import { operationJobId } from '../../src/queues/names.ts';
import { eventually } from '../support/eventually.ts';
import { useErrands } from './processes/errands.ts';

/** Reads how long the hold on a job lasts if it is not renewed any more, in milliseconds; `undefined`: nobody holds it. */
type Hold = () => Promise<number | undefined>;

const HOLDS = {
  async redis(url: string, namespace: string, jobId: string) {
    const redis = new Redis(url);
    const hold: Hold = async () => {
      const left = await redis.pttl(`{${namespace}}:saga-errand:${jobId}:lock`);
      return left < 0 ? undefined : left;
    };
    return { hold, close: async () => void (await redis.quit()) };
  },
  async postgres(url: string, _namespace: string, jobId: string) {
    const client = new Client({ connectionString: url });
    await client.connect();
    const hold: Hold = async () => {
      const { rows } = await client.query<{ left: number | null }>(
        `SELECT (locked_until_ms - extract(epoch FROM clock_timestamp()) * 1000)::float8 AS left FROM bullmq.job WHERE id = $1 AND state = 'active'`,
        [jobId],
      );
      return rows[0]?.left ?? undefined;
    };
    return { hold, close: () => client.end() };
  },
};

interface Case {
  readonly name: string;
  readonly forMs: number;
  readonly lockMs: number;
  readonly limits: Omit<WorkerOptions, 'sagas'>;
}

const CASES: Case[] = [
  { name: '15 s with a lock of 1 s', forMs: 15_000, lockMs: 1_000, limits: { lockMs: 1_000, stallCheckMs: 500 } },
  // For a long run: AMENDS_LONG=1.
  ...(process.env['AMENDS_LONG'] === '1' ? [{ name: '2 minutes with the defaults', forMs: 120_000, lockMs: 6_000, limits: {} }] : []),
];

describe.concurrent.each(['redis', 'postgres'] as const)('a slow action on %s', (kind) => {
  const errands = useErrands(kind);

  test.each(CASES)('$name: its worker keeps it, and it is run once', { timeout: 180_000 }, async ({ forMs, lockMs, limits }) => {
    const { amends, store } = errands.bench;
    const conducts = { work: { kind: 'sleep', forMs } } as const;
    const workers = [await errands.work(conducts, limits), await errands.work(conducts, limits)];
    const begun = (): unknown[] => workers.flatMap(({ heard }) => heard.filter(({ what, of }) => what === 'begun' && of === 'work'));
    const run = await amends.start(errands.saga(), { errand: 'slow' });
    await eventually(() => expect(begun()).toHaveLength(1));

    const { hold, close } = await HOLDS[kind](store.url, store.namespace, operationJobId(run.id, 'work', 'run'));
    const left: number[] = [];
    const over = new AbortController();
    const ended = run.outcome({ timeoutMs: forMs + 30_000 }).finally(() => over.abort());
    while (!over.signal.aborted) {
      const ms = await hold();
      if (ms !== undefined) left.push(ms);
      await Promise.race([ended, delay(50)]);
    }
    expect((await ended).status).toBe('completed');
    await close();

    expect(begun()).toHaveLength(1);
    expect((await run.history()).map(({ event }) => event.type)).not.toContain('attempt_lost');
    expect(await errands.books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
    // Renewed every third of the lock: one renewal may come late or fail, and nobody takes the worker for lost.
    const sorted = left.toSorted((a, b) => a - b);
    expect(sorted.length).toBeGreaterThan(forMs / 1_000);
    expect(sorted[Math.floor(sorted.length / 20)]).toBeGreaterThan(lockMs / 3);
  });
});
