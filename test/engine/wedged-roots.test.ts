import { describe, expect, test } from 'vitest';
import { engineOf, type Amends } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench, type Bench } from './fixture.ts';

const NEVER = { sweepEveryMs: 600_000 };

/** One look, at everything however fresh. */
function sweep(amends: Amends): Promise<number> {
  const onError = (): undefined => undefined;
  return new Sweeper(engineOf(amends), { sagas: ['order'], everyMs: 600_000, overdueAfterMs: 0, onError }).sweep();
}

/** Undoes an order whose card was declined, and in the middle of that adds the declined charge again, as a redelivered writer may. */
async function undoneWithChildAddedAgain(bench: Bench, id: string, between: () => Promise<void> = async () => undefined) {
  const undoing = gate();
  const finish = gate();
  const definition = orderSaga(bench.ledger, {
    charge_card: {
      run() {
        throw new StepFailed('declined');
      },
    },
    reserve_stock: {
      async compensate() {
        undoing.open();
        await finish.opened;
      },
    },
  });
  await bench.work([definition], NEVER);
  const run = await bench.amends.start(definition, { order: 'o' }, { id });
  await undoing.opened;
  const { queues } = engineOf(bench.amends);
  const root = rootJob({ id, saga: 'order' });
  const charge = operationJob(definition.plan, id, 'charge_card', 'run');
  await eventually(async () => expect(await queues.stateOf(charge)).toBe('failed'));
  await queues.addChild(charge, root);
  await between();
  finish.open();
  expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
  return { queues, root, charge };
}

describe.each(STORE_KINDS)('root jobs on %s', (kind) => {
  const bench = useBench(kind);

  test('I6 a root that waits for a failed child for ever is freed when its transaction has ended', async () => {
    const { queues, root } = await undoneWithChildAddedAgain(bench, 'wedged', async () => {
      await sweep(bench.amends); // not while it is under way
    });
    await sweep(bench.amends);
    await eventually(async () => expect(await queues.stateOf(root)).toBe('completed'));
    expect(await queues.waitingForChildren(root.queue, { from: 0, limit: 10 })).toEqual([]);
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
  });

  test('I6 so is the root of a transaction that is gone from the journal', async () => {
    const { queues, root } = await undoneWithChildAddedAgain(bench, 'gone');
    const { journal, clock } = engineOf(bench.amends);
    expect(await journal.purge({ endedBeforeMs: clock.nowMs() + 60_000, limit: 10 })).toBeGreaterThan(0);
    await sweep(bench.amends);
    await eventually(async () => expect(await queues.stateOf(root)).not.toBe('waiting-children'));
  });

  test('I6 so is the root of a terminated transaction whose operator died before the stuck undo was taken away', async () => {
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        run() {
          throw new StepFailed('declined');
        },
      },
      reserve_stock: {
        undoRetry: { attempts: 1 },
        compensate() {
          throw new Error('warehouse is closed');
        },
      },
    });
    await bench.work([definition], NEVER);
    const run = await bench.amends.start(definition, { order: 'o' }, { id: 'half' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    const { queues, transactions } = engineOf(bench.amends);
    const undo = operationJob(definition.plan, 'half', 'reserve_stock', 'compensate');
    await eventually(async () => expect(await queues.stateOf(undo)).toBe('failed'));
    const { plan, bindings } = definition;
    const state = await transactions.load('half');
    await transactions.record({ plan, bindings }, state!, { type: 'terminate_requested', by: 'test', reason: 'gone bankrupt' });
    const root = rootJob({ id: 'half', saga: 'order' });
    expect(await queues.stateOf(root)).toBe('waiting-children');
    await sweep(bench.amends);
    await eventually(async () => expect(await queues.stateOf(root)).toBe('completed'));
  });

  test('the roots of transactions that are under way are left alone', async () => {
    const begun = gate();
    const finish = gate();
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        async run() {
          begun.open();
          await finish.opened;
        },
      },
    });
    await bench.work([definition], NEVER);
    const run = await bench.amends.start(definition, { order: 'o' }, { id: 'busy' });
    await begun.opened;
    const { queues } = engineOf(bench.amends);
    const root = rootJob({ id: 'busy', saga: 'order' });
    await sweep(bench.amends);
    expect(await queues.stateOf(root)).toBe('waiting-children');
    finish.open();
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await eventually(async () => expect(await queues.stateOf(root)).toBe('completed'));
  });
});

describe("BullMQ's facts on redis", () => {
  const bench = useBench('redis');

  test('a failed child that is added again holds its root, and nothing releases it', async () => {
    const { queues, root, charge } = await undoneWithChildAddedAgain(bench, 'fact');
    const job = await queues.bullQueue(root.queue).getJob(root.jobId);
    await eventually(async () => expect((await job?.getDependencies())?.unprocessed).toEqual([expect.stringContaining(charge.jobId)]));
    expect(await queues.stateOf(charge)).toBe('failed');
    expect(await queues.stateOf(root)).toBe('waiting-children');
  });
});
