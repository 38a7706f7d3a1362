import { beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { rootJob } from '../../src/queues/advance.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { namedStep, OrderInput, useBench, type Ledger } from './fixture.ts';

const approval = signal({ name: 'approval', data: z.object({ by: z.string() }) });

function approved(ledger: Ledger, wait: { timeoutMs?: number; onTimeout?: 'fail' } = {}, deadlineMs?: number) {
  return saga({ name: 'approved', version: 1, input: OrderInput, ...(deadlineMs === undefined ? {} : { deadlineMs }) })
    .step(namedStep('reserve_stock', ledger), ({ input }) => input)
    .waitFor(approval, wait)
    .step(namedStep('charge_card', ledger), ({ input }) => input)
    .returns(({ results }) => ({ by: results.approval.by }));
}

function napping(ledger: Ledger, ms: number) {
  return saga({ name: 'napping', version: 1, input: OrderInput })
    .step(namedStep('reserve_stock', ledger), ({ input }) => input)
    .sleep('nap', ms)
    .step(namedStep('charge_card', ledger), ({ input }) => input);
}

describe.each(STORE_KINDS)('signals and timers on %s', (kind) => {
  const bench = useBench(kind);
  let id: string;
  beforeEach(() => {
    id = `w-${crypto.randomUUID()}`;
  });
  const run = () => bench.amends.get(id);

  async function waits(): Promise<void> {
    await eventually(async () => expect((await run().view()).steps[1]).toMatchObject({ status: 'issued' }));
    expect((await run().view()).status).toBe('waiting');
  }

  async function rootEnded(name: string): Promise<void> {
    const { queues } = engineOf(bench.amends);
    await eventually(async () => expect(await queues.stateOf(rootJob({ id, saga: name }))).toBe('completed'));
  }

  test('a saga waits for a signal, from any process, and goes on with its data', async () => {
    const saga = approved(bench.ledger);
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    expect(bench.ledger).toEqual(['reserve_stock']);
    // A process that has not the definition.
    expect(await (await bench.other()).get(id).signal(approval, { by: 'ann' })).toBe(true);
    expect(await run().outcome({ timeoutMs: 10_000 })).toMatchObject({ status: 'completed', output: { by: 'ann' } });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    await rootEnded('approved');
  });

  test('S76 an early signal is delivered once, also when it comes before any worker', async () => {
    const saga = approved(bench.ledger);
    await bench.amends.start(saga, { order: 'o' }, { id });
    expect(await run().signal(approval, { by: 'ann' })).toBe(true);
    await bench.work([saga]);
    expect(await run().outcome({ timeoutMs: 10_000 })).toMatchObject({ status: 'completed', output: { by: 'ann' } });
    const history = await run().history();
    expect(history.filter(({ event }) => event.type === 'wait_ended')).toHaveLength(1);
    await rootEnded('approved');
  });

  test('S77 the same signal twice, and ten times at once: once', async () => {
    const saga = approved(bench.ledger);
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    const sent = await Promise.all(Array.from({ length: 10 }, () => run().signal(approval, { by: 'ann' })));
    expect(sent.filter(Boolean)).toHaveLength(1);
    await expect(run().signal(approval, { by: 'bob' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('completed');
    expect(await run().signal(approval, { by: 'ann' })).toBe(false);
    const types = (await run().history()).map(({ event }) => event.type);
    expect(types.filter((type) => type === 'signal_received')).toHaveLength(1);
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
  });

  test('S78 a signal to a saga that has ended, to none, of the wrong shape or name: a clear refusal, nothing stored', async () => {
    const saga = approved(bench.ledger);
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    const { version } = await run().view();
    await expect(run().signal(approval, { by: 7 } as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const other = signal({ name: 'rejection', data: z.object({}) });
    await expect(run().signal(other, {})).rejects.toThrow('has no signal "rejection": it waits for "approval"');
    await expect(bench.amends.get('nobody').signal(approval, { by: 'ann' })).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
    expect((await run().view()).version).toBe(version);
    await run().cancel();
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
    await expect(run().signal(approval, { by: 'ann' })).rejects.toThrow('has ended as compensated: it waits for no signal any more');
  });

  test('S71 a cancel ends a wait at once', async () => {
    const saga = approved(bench.ledger, { timeoutMs: 86_400_000 });
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    await (await bench.other()).get(id).cancel({ reason: 'too late' });
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
    await rootEnded('approved');
  });

  test('a signal that does not come in time turns the saga back', async () => {
    const saga = approved(bench.ledger, { timeoutMs: 100 });
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    const outcome = await run().outcome({ timeoutMs: 10_000 });
    expect(outcome).toMatchObject({
      status: 'compensated',
      failedStep: 'approval',
      reason: { message: 'no signal "approval" came within 100 ms' },
    });
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
    await rootEnded('approved');
  });

  test('S61 a deadline in the middle of a wait turns the saga back', async () => {
    const saga = approved(bench.ledger, {}, 1_000);
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    expect(await run().outcome({ timeoutMs: 10_000 })).toMatchObject({ status: 'compensated', reason: { message: 'its deadline passed' } });
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
  });

  test(
    'S67 signals and timeouts at the same instant, many times: one wins each time, and the other changes nothing',
    { timeout: 60_000 },
    async () => {
      const saga = approved(bench.ledger, { timeoutMs: 120 });
      await bench.work([saga]);
      const ids = Array.from({ length: 20 }, () => `w-${crypto.randomUUID()}`);
      const ends = await Promise.all(
        ids.map(async (one) => {
          const started = await bench.amends.start(saga, { order: one }, { id: one });
          await eventually(async () => expect((await started.view()).steps[1]?.status).not.toBe('pending'), { everyMs: 5 });
          const untilMs = (await started.view()).steps[1]?.wait?.untilMs ?? 0;
          await eventually(() => expect(Date.now()).toBeGreaterThanOrEqual(untilMs - 1), { everyMs: 1 });
          const sent = await started.signal(approval, { by: one }).catch(() => undefined);
          return { sent, outcome: await started.outcome({ timeoutMs: 20_000 }), history: await started.history() };
        }),
      );
      for (const { sent, outcome, history } of ends) {
        expect(outcome.status).toBe(sent === true ? 'completed' : 'compensated');
        const types = history.map(({ event }) => event.type);
        expect(types.filter((type) => type === 'wait_ended')).toHaveLength(sent === true ? 1 : 0);
      }
    },
  );

  test('a sleep ends when its time is up, by the store', async () => {
    const saga = napping(bench.ledger, 300);
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('completed');
    const history = await run().history();
    const at = (type: string): number =>
      history.find(({ event }) => event.type === type && (event.data as { step?: string }).step === 'nap')!.atMs;
    const tookMs = at('wait_ended') - at('step_issued');
    expect(tookMs).toBeGreaterThanOrEqual(295); // the process's idea of the store's clock may be off by some milliseconds
    await rootEnded('napping');
  });

  test('S65 all workers are down when a timer is due: it fires once after the restart', async () => {
    const saga = napping(bench.ledger, 200);
    const worker = bench.amends.worker({ sagas: [saga], lockMs: 2_000, stallCheckMs: 1_000 });
    await worker.run();
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    await worker.close();
    const untilMs = (await run().view()).steps[1]!.wait!.untilMs!;
    await eventually(() => expect(Date.now()).toBeGreaterThan(untilMs + 100));
    expect((await run().view()).steps[1]?.status).toBe('issued');
    await bench.work([saga]);
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('completed');
    expect((await run().history()).filter(({ event }) => event.type === 'wait_ended')).toHaveLength(1);
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
  });

  test('S75 a saga that is paused while it waits goes on when it is resumed, with what came meanwhile', async () => {
    const saga = approved(bench.ledger, { timeoutMs: 60_000 });
    await bench.work([saga]);
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    await run().pause();
    expect(await run().signal(approval, { by: 'ann' })).toBe(true);
    expect((await run().view()).steps[1]?.status).toBe('issued');
    await run().resume();
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('completed');
    await rootEnded('approved');
  });

  test('the job of a wait is lost: the sweeper puts it back, and it still waits', async () => {
    const saga = approved(bench.ledger, { timeoutMs: 60_000 });
    await bench.work([saga], { sweepEveryMs: 200, overdueAfterMs: 200 });
    await bench.amends.start(saga, { order: 'o' }, { id });
    await waits();
    const { queues } = engineOf(bench.amends);
    const place = { queue: rootJob({ id, saga: 'approved' }).queue, jobId: `run.${id}.approval` };
    await eventually(async () => expect(await queues.stateOf(place)).toBe('delayed'));
    await queues.discard(place);
    await eventually(async () => expect(await queues.stateOf(place)).toBe('delayed'), { timeoutMs: 15_000 });
    expect((await run().view()).steps[1]?.status).toBe('issued');
    await run().signal(approval, { by: 'ann' });
    expect((await run().outcome({ timeoutMs: 10_000 })).status).toBe('completed');
  });
});
