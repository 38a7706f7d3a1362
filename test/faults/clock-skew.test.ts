import { describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { startRetention } from '../../src/workers/retention.ts';
import { connectTo, startedOf } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { alertSink, SECRET } from '../telemetry/sink.ts';
import { useErrands } from './processes/errands.ts';

const HOUR_MS = 3_600_000;
const LIMITS = { lockMs: 1_000, stallCheckMs: 500, graceMs: 20 };
/** What the policy of the errand's steps says. */
const BACKOFF_MS = 1_500;
/** For a machine that is busy; far less than two hours. */
const TOLERANCE_MS = 6_000;

describe.each(['redis', 'postgres'] as const)('S68 a worker whose clock is two hours off on %s', (kind) => {
  const errands = useErrands(kind);
  const amends = () => errands.bench.amends;

  /** From the failure of an attempt to the beginning of the next one, by the store's clock. */
  async function pauseOf(id: string, step: string): Promise<number> {
    const history = await amends().get(id).history();
    const at = (type: string): number =>
      history.find(({ event }) => event.type === type && 'step' in event.data && event.data.step === step)!.atMs;
    return at('attempt_started') - at('attempt_failed');
  }

  describe.each([
    { off: 'ahead', clockSkewMs: 2 * HOUR_MS },
    { off: 'behind', clockSkewMs: -2 * HOUR_MS },
  ])('$off', ({ off, clockSkewMs }) => {
    test('backoffs last as long as they should, whoever fails and whoever retries', async () => {
      const conducts = { work: { kind: 'fail', times: 1 } } as const;
      await errands.hire({ conducts, clockSkewMs }, LIMITS);
      const alone = await amends().start(errands.saga(), { errand: 'alone' });
      expect((await alone.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
      await errands.work(conducts, LIMITS);
      const runs = await Promise.all(Array.from({ length: 12 }, (_, i) => amends().start(errands.saga(), { errand: `${i}` })));
      for (const run of runs) expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
      for (const { id } of [alone, ...runs]) {
        const pauseMs = await pauseOf(id, 'work');
        expect(pauseMs).toBeGreaterThan(BACKOFF_MS - 50);
        expect(pauseMs).toBeLessThan(BACKOFF_MS + TOLERANCE_MS);
      }
    });

    test('a healthy job is not taken from who holds it, neither from it nor by it', async () => {
      const conducts = { work: { kind: 'sleep', forMs: 3 * LIMITS.lockMs } } as const;
      // Both have their hands full, and both look for lost jobs.
      const limits = { ...LIMITS, concurrency: 2 };
      const off = await errands.hire({ conducts, clockSkewMs }, limits);
      const { heard } = await errands.work(conducts, limits);
      const runs = await Promise.all(Array.from({ length: 4 }, (_, i) => amends().start(errands.saga(), { errand: `${i}` })));
      for (const run of runs) {
        expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
        const types = (await run.history()).map(({ event }) => event.type);
        expect(types).not.toContain('attempt_lost');
        expect(types).not.toContain('attempt_started');
      }
      for (const worker of [off.heard, heard]) expect(worker).toContainEqual(expect.objectContaining({ what: 'done', of: 'work' }));
    });

    test('a deadline strikes when it should', async () => {
      const worker = await errands.hire({ conducts: { work: { kind: 'wait', heeds: true } }, deadlineMs: 3_000, clockSkewMs }, LIMITS);
      const run = await amends().start(errands.saga({ deadlineMs: 3_000 }), { errand: 'late' });
      const begun = await worker.hear('begun', 'work');
      expect((await worker.hear('told to stop', 'work')) - begun).toBeGreaterThan(500);
      expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    });

    test('its sweeper looks at what is overdue by the store, and puts that back', async () => {
      const { plan, bindings } = errands.saga();
      const id = `swept-${off}`;
      const { transactions, journal } = engineOf(amends());
      await journal.registerPlan(plan);
      await transactions.start({ plan, bindings }, id, { ...startedOf(errands.saga() as never, { order: '' }), input: { errand: 'e' } });
      const overdueAfterMs = 3_000;
      await errands.hire({ clockSkewMs }, { ...LIMITS, sweepEveryMs: 300, overdueAfterMs });
      expect((await amends().get(id).outcome({ timeoutMs: 20_000 })).status).toBe('completed');
      const history = await amends().get(id).history();
      const started = history.find(({ event }) => event.type === 'step_succeeded')!.atMs - history[0]!.atMs;
      expect(started).toBeGreaterThan(overdueAfterMs);
      expect(started).toBeLessThan(overdueAfterMs + TOLERANCE_MS);
    });

    test('it removes what ended long enough ago by the store, and nothing else', async () => {
      await errands.work({}, LIMITS);
      const run = await amends().start(errands.saga(), { errand: 'kept' });
      await run.outcome({ timeoutMs: 15_000 });
      const { now } = Date;
      const skewed = vi.spyOn(Date, 'now').mockImplementation(() => now() + clockSkewMs);
      try {
        const other = await connectTo(errands.bench.store);
        const engine = engineOf(other);
        const purge = vi.spyOn(engine.journal, 'purge');
        const looks = async (retentionMs: number): Promise<void> => {
          purge.mockClear();
          const stop = startRetention(engine, retentionMs, () => undefined, 20);
          await eventually(() => expect(purge.mock.settledResults.length).toBeGreaterThan(1));
          await stop();
        };
        await looks(HOUR_MS);
        expect(await engine.journal.read(run.id)).not.toEqual([]);
        await looks(0);
        expect(await engine.journal.read(run.id)).toEqual([]);
        await other.close();
      } finally {
        skewed.mockRestore();
      }
    });

    test('what it tells by a webhook is signed at a time that its receiver believes', async () => {
      const sink = await alertSink();
      try {
        const channels = [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }] as const;
        const conducts = { work: { kind: 'refuse' }, '-prepare': { kind: 'refuse' } } as const;
        await errands.hire({ conducts, clockSkewMs }, { ...LIMITS, alerts: { channels, everyMs: 300 } });
        const { id } = await amends().start(errands.saga(), { errand: 'stuck' });
        await eventually(() => expect([sink.forged, sink.alerts]).toMatchObject([0, [{ rule: 'stuck', transaction: id }]]), {
          timeoutMs: 30_000,
        });
      } finally {
        await sink.close();
      }
    });

    test('a starter so far off gives a deadline by the store, and lists show the store’s times', async () => {
      const { now } = Date;
      const skewed = vi.spyOn(Date, 'now').mockImplementation(() => now() + clockSkewMs);
      try {
        const other = await connectTo(errands.bench.store);
        const run = await other.start(errands.saga({ deadlineMs: 60_000 }), { errand: 'timed' });
        const [summary] = (await other.list()).transactions;
        const storeMs = await errands.bench.store.serverTimeMs();
        expect(Math.abs(summary!.startedAtMs - storeMs)).toBeLessThan(TOLERANCE_MS);
        const [first] = await run.history();
        const { deadlineAtMs } = first!.event.data as { deadlineAtMs: number };
        expect(Math.abs(deadlineAtMs - 60_000 - storeMs)).toBeLessThan(TOLERANCE_MS);
        await other.close();
      } finally {
        skewed.mockRestore();
      }
    });
  });
});
