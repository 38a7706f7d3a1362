import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import type { JobState, QueuePort } from '../../src/queues/queue-port.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, namedStep, OrderInput, useBench, type Behaviour, type Ledger } from './fixture.ts';

const ONCE = { attempts: 1 };

/** reserve_stock -> charge_card, which is the last. */
function shortSaga(ledger: Ledger, charge: Behaviour = {}, reserve: Behaviour = {}) {
  // A plan of its own for each pair of kinds.
  const version = charge.use?.pivot === true ? 3 : reserve.use?.readOnly === true ? 4 : 1;
  return saga({ name: 'short', version, input: OrderInput })
    .step(namedStep('reserve_stock', ledger, reserve), ({ input }) => input, reserve.use)
    .step(namedStep('charge_card', ledger, charge), ({ input }) => input, charge.use)
    .returns(({ results }) => ({ ref: results.charge_card.ref }));
}

describe.each(STORE_KINDS)('the last step of a saga, in its root job, on %s', (kind) => {
  const bench = useBench(kind);
  const queues = (): QueuePort => engineOf(bench.amends).queues;
  const rootOf = (id: string) => rootJob({ id, saga: 'short' });
  const rootIs = (id: string, state: JobState): Promise<void> =>
    eventually(async () => expect(await queues().stateOf(rootOf(id))).toBe(state));
  const typesOf = async (run: { history(): Promise<readonly { event: { type: string } }[]> }): Promise<string[]> =>
    (await run.history()).map(({ event }) => event.type);

  /** One whose first step is in work until `reserved` is opened. */
  const startReserving = async () => {
    const [reserving, reserved] = [gate(), gate()];
    const definition = shortSaga(
      bench.ledger,
      {},
      {
        async run() {
          reserving.open();
          await reserved.opened;
        },
      },
    );
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    await reserving.opened;
    return { run, reserved };
  };

  test('has no job of its own, and the root ends with the saga', async () => {
    const definition = shortSaga(bench.ledger);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'completed', output: { ref: 'charge_card/o' } });
    expect(operationJob(definition.plan, run.id, 'charge_card', 'run').jobId).toBe(rootOf(run.id).jobId);
    await rootIs(run.id, 'completed');
    const root = await queues().bullQueue(rootOf(run.id).queue).getJob(rootOf(run.id).jobId);
    expect(root?.returnvalue).toBe('completed');
    expect((await root?.getDependencies())?.processed).toSatisfy((processed: object) => Object.keys(processed).length === 1);
  });

  test('S02 fails twice and then works: tried again with its attempts counted, and none of them taken for lost', async () => {
    const attempts: number[] = [];
    const definition = shortSaga(bench.ledger, {
      run({ attempt }) {
        attempts.push(attempt);
        if (attempt < 3) throw new Error('the bank is busy');
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(attempts).toEqual([1, 2, 3]);
    expect(await typesOf(run)).not.toContain('attempt_lost');
    await rootIs(run.id, 'completed');
  });

  test('S05 is refused: what came before is undone, and the root ends with that', async () => {
    const definition = shortSaga(bench.ledger, {
      run() {
        throw new StepFailed('declined');
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'compensated', failedStep: 'charge_card' });
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
    await rootIs(run.id, 'completed');
    expect(await typesOf(run)).not.toContain('attempt_lost');
  });

  test('is refused when there is nothing to undo', async () => {
    const definition = shortSaga(
      bench.ledger,
      {
        run() {
          throw new StepFailed('declined');
        },
      },
      { use: { readOnly: true } },
    );
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    await rootIs(run.id, 'completed');
  });

  describe('S32 is the pivot, and nobody knows what became of it', () => {
    let known = false;
    async function stuck() {
      known = false;
      const definition = shortSaga(bench.ledger, {
        use: { pivot: true },
        retry: ONCE,
        run() {
          throw new Error('the bank hung up');
        },
        verify: () => (known ? { ref: 'found' } : 'unknown'),
      });
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', failedStep: 'charge_card' });
      await rootIs(run.id, 'failed');
      return run;
    }

    test('an operator tries it again', async () => {
      const run = await stuck();
      known = true;
      await run.retry({ reason: 'the bank is back', by: 'ann' });
      await eventually(async () => expect((await run.view()).status).toBe('completed'));
      await rootIs(run.id, 'completed');
    });

    test('Retry is pressed on the root in Bull Board', async () => {
      const run = await stuck();
      known = true;
      expect(await queues().retry(rootOf(run.id))).toBe(true);
      await eventually(async () => expect((await run.view()).status).toBe('completed'));
      expect(await typesOf(run)).toContain('retry_requested');
      await rootIs(run.id, 'completed');
    });

    test('an operator ends it', async () => {
      const run = await stuck();
      await run.terminate({ reason: 'settled by telephone', by: 'ann' });
      await rootIs(run.id, 'completed');
      expect(bench.ledger).toEqual(['reserve_stock']);
    });
  });

  test('its mapper fails after the pivot: stuck, and nobody is said to have asked for another try until somebody does', async () => {
    let mapped = 0;
    const definition = saga({ name: 'mapped', version: 1, input: OrderInput })
      .step(namedStep('charge_card', bench.ledger, { use: { pivot: true } }), ({ input }) => input, { pivot: true })
      .step(
        namedStep('send_mail', bench.ledger, { use: { retriable: true } }),
        ({ input }) => {
          if (mapped++ === 0) throw new Error('no address');
          return input;
        },
        { retriable: true },
      );
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', failedStep: 'send_mail' });
    const root = rootJob({ id: run.id, saga: 'mapped' });
    await eventually(async () => expect(await queues().stateOf(root)).toBe('failed'));
    expect((await run.view()).status).toBe('stuck');
    expect(await typesOf(run)).not.toContain('retry_requested');
    expect(mapped).toBe(1);
    await run.retry({ reason: 'there is one now', by: 'ann' });
    await eventually(async () => expect((await run.view()).status).toBe('completed'));
    expect((await typesOf(run)).filter((type) => type === 'retry_requested')).toHaveLength(1);
    expect(await typesOf(run)).not.toContain('attempt_lost');
    expect(bench.ledger).toEqual(['charge_card', 'send_mail']);
    await eventually(async () => expect(await queues().stateOf(root)).toBe('completed'));
  });

  test('S71 is cancelled before it runs: it never does, and what came before is undone', async () => {
    const { run, reserved } = await startReserving();
    await run.pause({ reason: 'wait' });
    reserved.open();
    await eventually(async () => expect(await typesOf(run)).toContain('step_succeeded'));
    await run.cancel({ reason: 'changed my mind' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
    await rootIs(run.id, 'completed');
  });

  test('S71 is cancelled while it waits for its next attempt', async () => {
    const failed = gate();
    const definition = shortSaga(bench.ledger, {
      retry: { attempts: 5, delayMs: 60_000, maxDelayMs: 60_000, jitter: 0 },
      run() {
        failed.open();
        throw new Error('the bank is busy');
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    await failed.opened;
    await rootIs(run.id, 'delayed');
    await run.cancel({ reason: 'took too long' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
    await rootIs(run.id, 'completed');
  });

  test('runs at once where all steps before it are left out', async () => {
    const definition = saga({ name: 'short', version: 2, input: OrderInput })
      .step(namedStep('reserve_stock', bench.ledger), ({ input }) => input, { when: () => false })
      .step(namedStep('charge_card', bench.ledger), ({ input }) => input);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['charge_card']);
  });

  test('I6 is put back when the root is gone, and not taken for one that was never tried', async () => {
    const charging = gate();
    const definition = shortSaga(bench.ledger, {
      retry: { attempts: 5, delayMs: 60_000, maxDelayMs: 60_000, jitter: 0 },
      run({ attempt }) {
        if (attempt > 1) return;
        charging.open();
        throw new Error('the bank is busy');
      },
    });
    await bench.work([definition], { sweepEveryMs: 600_000 });
    const run = await bench.amends.start(definition, { order: 'o' });
    await charging.opened;
    await rootIs(run.id, 'delayed');
    await queues().discard(rootOf(run.id));
    expect(await queues().stateOf(rootOf(run.id))).toBe('missing');
    const onError = (): undefined => undefined;
    const sweeper = new Sweeper(engineOf(bench.amends), { sagas: ['short'], everyMs: 600_000, overdueAfterMs: 0, onError });
    expect(await sweeper.sweep()).toBe(1);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(await typesOf(run)).toContain('attempt_lost');
    await rootIs(run.id, 'completed');
  });

  test('counts no attempt as lost when its root was woken before it was due', async () => {
    const reserving = gate();
    const reserved = gate();
    const definition = shortSaga(
      bench.ledger,
      {
        run({ attempt }) {
          if (attempt === 1) throw new Error('the bank is busy');
        },
      },
      {
        async run() {
          reserving.open();
          await reserved.opened;
        },
      },
    );
    await bench.work([definition], { sweepEveryMs: 600_000 });
    const run = await bench.amends.start(definition, { order: 'o' });
    await reserving.opened;
    const reserve = operationJob(definition.plan, run.id, 'reserve_stock', 'run');
    const child = await queues().bullQueue(reserve.queue).getJob(reserve.jobId);
    // As if BullMQ had forgotten whom the child belongs to: the root is delivered, finds nothing to wait for, and backs off.
    await child?.removeChildDependency();
    await rootIs(run.id, 'delayed');
    reserved.open();
    expect((await run.outcome({ timeoutMs: 30_000 })).status).toBe('completed');
    expect(await typesOf(run)).not.toContain('attempt_lost');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
  });

  test('has a job of its own from a version of Amends that gave it one: that does nothing, and holds nothing up', async () => {
    const { run, reserved } = await startReserving();
    const message = { transaction: run.id, saga: 'short', step: 'charge_card', op: 'run' } as const;
    reserved.open();
    await queues().addChild({ queue: 'saga-short', jobId: `run.${run.id}.charge_card`, name: 'charge_card', message }, rootOf(run.id));
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    await rootIs(run.id, 'completed');
  });
});
