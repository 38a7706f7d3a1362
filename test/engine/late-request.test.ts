import { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installBarrier, pgExecutor, withBarrier } from '../../src/barrier/index.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { gate, orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('a participant with a barrier, the engine on %s', (kind) => {
  const bench = useBench(kind);
  const books = useStore('postgres');
  let pool: Pool;
  beforeEach(async () => {
    pool = new Pool({ connectionString: books.url });
    await installBarrier(pgExecutor(pool));
    await pool.query('CREATE TABLE IF NOT EXISTS charges (saga text, cents integer)');
  });
  afterEach(() => pool.end());

  async function sumOf(saga: string): Promise<number> {
    const { rows } = await pool.query<{ cents: string }>('SELECT coalesce(sum(cents), 0) AS cents FROM charges WHERE saga = $1', [saga]);
    return Number(rows[0]?.cents);
  }

  test('S09 a step times out while its request is queued: an empty compensation, and the late action is suppressed', async () => {
    const queued = gate();
    const arrived: Promise<unknown>[] = [];
    const book = (saga: string, cents: number) => (tx: { query(text: string, values: unknown[]): Promise<unknown> }) =>
      tx.query('INSERT INTO charges VALUES ($1, $2)', [saga, cents]).then(() => ({ ref: saga }));
    const undone: string[] = [];
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        timeoutMs: 60,
        retry: { attempts: 1 },
        async run(context) {
          // The request waits somewhere on its way, and the service it comes to does not hear the caller's signal.
          await queued.opened;
          const arrival = withBarrier(pool, { ...context, signal: new AbortController().signal }, book(context.sagaId, 100));
          arrived.push(arrival);
          return arrival;
        },
        async compensate(context) {
          await withBarrier(pool, context, async (tx) => {
            undone.push(context.sagaId);
            return book(context.sagaId, -100)(tx);
          });
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o9' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(undone).toEqual([]); // there was nothing to undo
    queued.open();
    await eventually(() => expect(arrived).toHaveLength(1));
    await expect(arrived[0]).rejects.toMatchObject({ code: 'STEP_FAILED' });
    expect(await sumOf(run.id)).toBe(0);
    const { rows } = await pool.query('SELECT * FROM charges WHERE saga = $1', [run.id]);
    expect(rows).toEqual([]);
  });
});
