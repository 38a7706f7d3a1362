import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('jobs that are added at the same time on %s', (kind) => {
  const bench = useBench(kind);

  test('each start has its root and its first step, and each root its next step', async () => {
    const { queues } = engineOf(bench.amends);
    const { plan } = orderSaga(bench.ledger);
    const ids = Array.from({ length: 30 }, (_, index) => `order-${index}`);
    const rootOf = (id: string) => rootJob({ id, saga: 'order' });
    await Promise.all(ids.map((id) => queues.addFlow(rootOf(id), [operationJob(plan, id, 'reserve_stock', 'run')])));
    await Promise.all(ids.flatMap((id) => [0, 1].map(() => queues.addChild(operationJob(plan, id, 'charge_card', 'run'), rootOf(id)))));
    for (const id of ids) {
      expect(await queues.stateOf(rootOf(id))).toBe('waiting-children');
      expect(await queues.stateOf(operationJob(plan, id, 'reserve_stock', 'run'))).toBe('waiting');
      expect(await queues.stateOf(operationJob(plan, id, 'charge_card', 'run'))).toBe('waiting');
    }
  });

  test('one whose root is gone is refused, and the others are added', async () => {
    const { queues } = engineOf(bench.amends);
    const { plan } = orderSaga(bench.ledger);
    const jobs = ['there', 'gone'].map((id) => [operationJob(plan, id, 'charge_card', 'run'), rootJob({ id, saga: 'order' })] as const);
    await queues.addFlow(rootJob({ id: 'there', saga: 'order' }), [operationJob(plan, 'there', 'reserve_stock', 'run')]);
    const [there, gone] = await Promise.allSettled(jobs.map(([job, root]) => queues.addChild(job, root)));
    expect(there).toMatchObject({ status: 'fulfilled' });
    expect(gone).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/run\.gone\.charge_card|root\.gone/) as string },
    });
    expect(await queues.stateOf(jobs[0]![0])).toBe('waiting');
    expect(await queues.stateOf(jobs[1]![0])).toBe('missing');
  });

  test('what was finished is kept, to be looked at', async () => {
    const definition = orderSaga(bench.ledger);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o' }, { id: 'kept' });
    await run.outcome({ timeoutMs: 15_000 });
    const { queues } = engineOf(bench.amends);
    expect(await queues.stateOf(operationJob(definition.plan, 'kept', 'reserve_stock', 'run'))).toBe('completed');
  });
});
