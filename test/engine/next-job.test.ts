import { expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { closeRedis, openRedis } from '../../src/connections/redis.ts';
import { rootJob } from '../../src/queues/advance.ts';
import { eventually } from '../support/eventually.ts';
import { orderSaga, useBench } from './fixture.ts';

const bench = useBench('redis');

test('the next job, when it could not be added because the root was lost, is put back with that at once', async () => {
  const { queues } = engineOf(bench.amends);
  const definition = orderSaga(bench.ledger, {
    reserve_stock: {
      async run() {
        const root = rootJob({ id: 'o-1', saga: 'order' });
        const queue = queues.bullQueue(root.queue);
        const redis = await openRedis(bench.store.url);
        await redis.del(queue.toKey(root.jobId));
        await closeRedis(redis);
        expect(await queues.stateOf(root)).toBe('missing');
      },
    },
  });
  await bench.work([definition], { sweepEveryMs: 600_000 });
  const run = await bench.amends.start(definition, { order: 'o-1' }, { id: 'o-1' });
  expect((await run.outcome({ timeoutMs: 10_000 })).status).toBe('completed');
  expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
});

test('the next job is there before the end of the one before it is told, so that the root is delivered once', async () => {
  const definition = orderSaga(bench.ledger);
  await bench.work([definition], { concurrency: 20 });
  const runs = await Promise.all(Array.from({ length: 100 }, (_, i) => bench.amends.start(definition, { order: `o-${i}` })));
  await Promise.all(runs.map((run) => run.outcome({ timeoutMs: 30_000 })));
  const { queues } = engineOf(bench.amends);
  await eventually(async () => {
    for (const { id } of runs) {
      const { queue, jobId } = rootJob({ id, saga: 'order' });
      const root = await queues.bullQueue(queue).getJob(jobId);
      expect(root).toMatchObject({ attemptsStarted: 1, returnvalue: 'completed' });
    }
  });
});
