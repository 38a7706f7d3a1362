import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { implement } from '../../src/flows/implement.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { operationJobId, rootJobId } from '../../src/queues/names.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, namedStep, OrderInput, orderSaga, useBench } from './fixture.ts';

const reserve = step({ name: 'reserve', service: 'stock', input: OrderInput, result: z.object({ lot: z.string() }) });
const charge = step({ name: 'charge', service: 'payments', input: z.object({ lot: z.string() }), result: z.object({ paid: z.string() }) });
const shop = saga({ name: 'shop', version: 1, input: OrderInput })
  .step(reserve, ({ input }) => input)
  .step(charge, ({ results }) => ({ lot: results.reserve.lot }))
  .returns(({ results }) => results.charge.paid);
const undo = (): void => undefined;
const stock = implement(reserve, { run: ({ input }) => ({ lot: `lot of ${input.order}` }), compensate: undo });
const payments = implement(charge, { run: ({ input }) => ({ paid: `paid ${input.lot}` }), compensate: undo });

describe.each(STORE_KINDS)('workers on %s', (kind) => {
  const bench = useBench(kind);

  test('a worker takes only the queues of the services it has code for, and the services together run the saga', async () => {
    const first = bench.amends.worker({ sagas: [shop], implementations: [stock] });
    const second = (await bench.other()).worker({ sagas: [shop], implementations: [payments] });
    expect(first.queues).toEqual(['saga-shop', 'service-stock']);
    expect(second.queues).toEqual(['saga-shop', 'service-payments']);
    await Promise.all([first.run(), second.run()]);
    const run = await bench.amends.start(shop, { order: 'w1' });
    expect(await run.result({ timeoutMs: 15_000 })).toBe('paid lot of w1');
    const workers = (await run.history()).flatMap(({ event }) => (event.type === 'step_succeeded' ? [event.data.worker] : []));
    expect(workers).toEqual([first.name, second.name]);
  });

  test('what could never run is refused when the worker is made', () => {
    const make = (options: Parameters<typeof bench.amends.worker>[0]) => () => bench.amends.worker(options);
    const alone = saga({ name: 'alone', version: 1, input: OrderInput }).step(reserve, ({ input }) => input);
    const refund = step({ name: 'refund', service: 'payments', input: OrderInput, result: z.object({}) });
    const both = saga({ name: 'both', version: 1, input: OrderInput })
      .step(refund, ({ input }) => input)
      .step(charge, () => ({ lot: '' }));
    expect(make({ sagas: [] })).toThrow('give it the sagas');
    expect(make({ sagas: [alone], implementations: [payments] })).toThrow('none of the given sagas uses it');
    expect(make({ sagas: [alone], implementations: [stock, stock] })).toThrow('implemented twice');
    expect(make({ sagas: [both], implementations: [payments] })).toThrow('add implement(refund');
    expect(make({ sagas: [alone], implementations: [implement(reserve, { run: () => ({ lot: '' }) })] })).toThrow('add compensate');
    expect(make({ sagas: [alone], implementations: [stock], services: ['stocks'] })).toThrow('check its name');
    expect(make({ sagas: [alone], implementations: [stock], concurrency: 0 })).toThrow('concurrency is 0');
  });

  test('inline steps of one name, in two sagas and in two versions of one, each run their own code', async () => {
    const numbered = (name: string, version: number, answer: string) =>
      saga({ name, version, input: OrderInput })
        .step(namedStep('reserve', bench.ledger, { run: () => ({ ref: answer }) }), ({ input }) => input)
        .returns(({ results }) => results.reserve.ref);
    const [old, kiosk, trip] = [numbered('kiosk', 1, 'old kiosk'), numbered('kiosk', 2, 'kiosk'), numbered('trip', 1, 'trip')];
    await bench.work([old, kiosk, trip]);
    for (const [definition, answer] of [
      [old, 'old kiosk'],
      [kiosk, 'kiosk'],
      [trip, 'trip'],
    ] as const) {
      const run = await bench.amends.start(definition, { order: 'o' });
      expect(await run.result({ timeoutMs: 15_000 })).toBe(answer);
    }
  });

  test('a stuck compensation continues when its job is retried in the queue, as Bull Board does', async () => {
    let broken = true;
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        run() {
          throw new StepFailed('declined');
        },
      },
      reserve_stock: {
        undoRetry: { attempts: 1 },
        compensate() {
          if (broken) throw new Error('warehouse is closed');
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'w3' }, { id: 'w3' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    const { queues } = engineOf(bench.amends);
    const place = { queue: 'saga-order', jobId: operationJobId('w3', 'reserve_stock', 'compensate') };
    await eventually(async () => expect(await queues.stateOf(place)).toBe('failed'));
    broken = false;
    await queues.retry(place);
    await eventually(async () => expect((await run.view()).status).toBe('compensated'));
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
    // The tree in the queue ends with it.
    await eventually(async () => expect(await queues.stateOf({ queue: 'saga-order', jobId: rootJobId('w3') })).toBe('completed'));
  });

  test('S81 a failed action that is retried in the queue after the saga turned is refused and runs nothing', async () => {
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        run() {
          bench.ledger.push('tried');
          throw new StepFailed('declined');
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'w4' }, { id: 'w4' });
    await run.outcome({ timeoutMs: 15_000 });
    const before = await run.history();
    const { queues } = engineOf(bench.amends);
    const place = { queue: 'saga-order', jobId: operationJobId('w4', 'charge_card', 'run') };
    await eventually(async () => expect(await queues.retry(place)).toBe(true));
    await eventually(async () => expect(await queues.stateOf(place)).toBe('failed'));
    expect(bench.ledger).toEqual(['reserve_stock', 'tried', '-reserve_stock']);
    expect(await run.history()).toEqual(before);
  });

  test('garbage and forged jobs are parked and nobody else is held up', async () => {
    const definition = orderSaga(bench.ledger);
    const { queues } = engineOf(bench.amends);
    const queue = queues.bullQueue('saga-order');
    const garbage = await queue.add('x', { hello: '<script>' }, { jobId: 'garbage' });
    const forged = await queue.add('x', { transaction: 'nobody', saga: 'order', step: 'charge_card', op: 'run' }, { jobId: 'forged' });
    const root = await queue.add('x', { transaction: 'nobody', saga: 'order' }, { jobId: 'root.nobody' });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'w5' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    for (const job of [garbage, forged, root]) {
      await eventually(async () => expect((await queue.getJob(job.id!))?.failedReason).toContain('parked'));
    }
    expect(bench.ledger).toHaveLength(4);
  });

  test('a job that somebody removed is put back by the root and the saga ends', async () => {
    const definition = orderSaga(bench.ledger);
    const run = await bench.amends.start(definition, { order: 'w6' }, { id: 'w6' });
    const { queues } = engineOf(bench.amends);
    expect(await queues.remove({ queue: 'saga-order', jobId: operationJobId('w6', 'reserve_stock', 'run') })).toBe(0);
    await bench.work([definition]);
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    expect(bench.ledger).toHaveLength(4);
  });

  test('a delivery that ended without a record leaves the step in doubt: a definite failure after it is still undone', async () => {
    const definition = orderSaga(bench.ledger, {
      reserve_stock: {
        run() {
          throw new StepFailed('there is one already');
        },
      },
    });
    const run = await bench.amends.start(definition, { order: 'w9' }, { id: 'w9' });
    await takeAndFail('w9');
    await bench.work([definition]);
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['-reserve_stock']);
    expect((await run.history()).map(({ event }) => event.type)).toContain('attempt_lost');
  });

  test('a cancel does not take back as unused a job that was delivered before', async () => {
    const definition = orderSaga(bench.ledger);
    const run = await bench.amends.start(definition, { order: 'w10' }, { id: 'w10' });
    await takeAndFail('w10');
    expect(await run.cancel()).toBe(true);
    await bench.work([definition]);
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['-reserve_stock']);
  });

  /** What a worker leaves behind that did something and lost its store before it could write that down. */
  async function takeAndFail(id: string): Promise<void> {
    const { queues } = engineOf(bench.amends);
    const taken = gate();
    const consumer = await queues.consume(
      'saga-order',
      () => {
        taken.open();
        return Promise.resolve({ kind: 'again', afterMs: 1_500, error: new Error('store away') });
      },
      { concurrency: 1, lockMs: 2_000, stallCheckMs: 1_000, onError: () => undefined },
    );
    await taken.opened;
    const place = { queue: 'saga-order', jobId: operationJobId(id, 'reserve_stock', 'run') };
    await eventually(async () => expect(await queues.stateOf(place)).toBe('delayed'));
    await consumer.close();
  }

  test('S109 close() lets the action in work finish and takes nothing new', async () => {
    const begun = gate();
    const finish = gate();
    const definition = orderSaga(bench.ledger, {
      reserve_stock: {
        async run() {
          begun.open();
          await finish.opened;
        },
      },
    });
    const worker = bench.amends.worker({ sagas: [definition] });
    await worker.run();
    const run = await bench.amends.start(definition, { order: 'w8' });
    await begun.opened;
    const closed = worker.close();
    finish.open();
    await closed;
    await worker.close();
    expect(bench.ledger).toEqual(['reserve_stock']);
    expect((await run.view()).steps[0]?.status).toBe('succeeded');
    await bench.work([definition]);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await expect(worker.run()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe.each(['redis', 'postgres'] as const)('workers in several processes on %s', (kind) => {
  const bench = useBench(kind);

  test('O12 O13 a worker that has not the definition leaves the job to one that has', async () => {
    const old = saga({ name: 'moved', version: 1, input: OrderInput }).step(namedStep('go', bench.ledger), ({ input }) => input);
    const next = saga({ name: 'moved', version: 2, input: OrderInput })
      .step(namedStep('went', bench.ledger), ({ input }) => input)
      .step(namedStep('gone', bench.ledger), ({ input }) => input);
    const run = await bench.amends.start(old, { order: 'w7' });
    await (await bench.other()).worker({ sagas: [next] }).run();
    const { queues } = engineOf(bench.amends);
    const place = { queue: 'saga-moved', jobId: operationJobId(run.id, 'go', 'run') };
    await eventually(async () => expect(await queues.stateOf(place)).toBe('delayed'));
    await bench.work([old]);
    expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['go']);
  });
});
