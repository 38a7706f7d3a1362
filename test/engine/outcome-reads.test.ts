import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('the outcome of what this process itself ends, on %s', (kind) => {
  const bench = useBench(kind);

  test('is told without a look at the journal, whether the announcement or the answer to the record comes first', async () => {
    const definition = orderSaga(bench.ledger);
    await bench.work([definition], { concurrency: 10 });
    const listening = await bench.amends.start(definition, { order: 'first' });
    await listening.outcome({ timeoutMs: 20_000 });

    const read = vi.spyOn(engineOf(bench.amends).journal, 'read');
    const runs = await Promise.all(Array.from({ length: 50 }, (_, i) => bench.amends.start(definition, { order: `o-${i}` })));
    const outcomes = await Promise.all(runs.map((run) => run.outcome({ timeoutMs: 30_000 })));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(read).not.toHaveBeenCalled();
  });
});

describe.each(STORE_KINDS.filter((kind) => kind !== 'embedded'))('the outcome of what another process ends, on %s', (kind) => {
  const bench = useBench(kind);
  const echo = (size: number) =>
    saga({ name: `echo_${size}`, version: 1, input: z.object({ order: z.string() }) })
      .step(
        step({ name: 'pad', input: z.string(), result: z.string(), run: ({ input }) => input.padEnd(size, '.') }),
        ({ input }) => input.order,
        { readOnly: true },
      )
      .returns(({ results }) => ({ padded: results.pad, quote: '"é\n' }));

  /** How many reads of the journal it took to hear of ten outcomes. */
  async function readsFor(definition: ReturnType<typeof echo>, padded: (order: string) => string): Promise<number> {
    await bench.work([definition], { concurrency: 10 });
    const starter = await bench.other();
    const listening = await starter.start(definition, { order: 'first' });
    await listening.outcome({ timeoutMs: 20_000 });

    const read = vi.spyOn(engineOf(starter).journal, 'read');
    const orders = Array.from({ length: 10 }, (_, i) => `o-${i}`);
    const runs = await Promise.all(orders.map((order) => starter.start(definition, { order })));
    const results = await Promise.all(runs.map((run) => run.result({ timeoutMs: 30_000 })));
    expect(results).toEqual(orders.map((order) => ({ padded: padded(order), quote: '"é\n' })));
    return read.mock.calls.length;
  }

  test('comes with its announcement where the output is short, and the store is Redis', async () => {
    const reads = await readsFor(echo(1), (order) => order);
    expect(reads === 0).toBe(kind === 'redis');
  });

  test('is read when its output is long', async () => {
    expect(await readsFor(echo(300), (order) => order.padEnd(300, '.'))).toBeGreaterThanOrEqual(10);
  });

  test('is an error where its output could not be mapped, wherever it is heard of', async () => {
    const definition = saga({ name: 'unmappable', version: 1, input: z.object({ order: z.string() }) })
      .step(step({ name: 'look', input: z.string(), result: z.string(), run: ({ input }) => input }), ({ input }) => input.order, {
        readOnly: true,
      })
      .returns(() => {
        throw new Error('no such field');
      });
    await bench.work([definition]);
    const starter = await bench.other();
    for (const order of ['first', 'second']) {
      const run = await starter.start(definition, { order });
      await expect(run.outcome({ timeoutMs: 20_000 })).rejects.toMatchObject({
        code: 'OUTPUT_FAILED',
        cause: { message: 'no such field' },
      });
    }
  });
});
