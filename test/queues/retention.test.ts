import { expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { eventually } from '../support/eventually.ts';
import { useBench } from '../engine/fixture.ts';

const KEPT = 1_000;
const PER_TRIM = 64;
const bench = useBench('redis');

test('of finished jobs about a thousand are kept, whoever finished them', async () => {
  const { plain } = engineOf(bench.amends).queues;
  const work = () =>
    plain.consume('many', () => Promise.resolve({ kind: 'done', value: null }), {
      concurrency: 50,
      lockMs: 30_000,
      stallCheckMs: 30_000,
      onError: () => undefined,
    });
  const finish = async (from: number, to: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: to - from }, (_, i) => plain.add({ queue: 'many', jobId: `job-${from + i}`, name: 'x', message: {} })),
    );
    await eventually(async () => expect(await plain.stateOf({ queue: 'many', jobId: `job-${to - 1}` })).toBe('completed'));
  };
  const kept = () => plain.bullQueue('many').getCompletedCount();
  const first = await work();
  try {
    await finish(0, 1_500);
  } finally {
    await first.close();
  }
  expect(await kept()).toBeGreaterThanOrEqual(KEPT);
  expect(await kept()).toBeLessThan(KEPT + PER_TRIM);
  // Processes that carry out one job each.
  for (let one = 0; one < 3; one++) {
    const next = await work();
    try {
      await finish(1_500 + one, 1_501 + one);
    } finally {
      await next.close();
    }
    expect(await kept()).toBe(KEPT);
  }
});
