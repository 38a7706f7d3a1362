import { describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
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
