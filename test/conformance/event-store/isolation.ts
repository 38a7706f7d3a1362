import { beforeAll, describe, expect, test } from 'vitest';
import { inTransaction, type SqlExecutor, type SqlPool } from '../../../src/connections/sql.ts';
import type { EventStore, StreamName } from '../../../src/events/event-store.ts';
import { batch, freshStream, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

/** The SQLSTATE of an error or of what it wraps. */
function sqlState(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

const RETRYABLE = new Set(['40001', '40P01']);

/** What callers do: run the transaction again as long as the server says that this helps. Any other error is the result. */
async function retrying(work: () => Promise<unknown>): Promise<number> {
  for (let retries = 0; ; retries++) {
    try {
      await work();
      return retries;
    } catch (error) {
      if (!RETRYABLE.has(sqlState(error) ?? '') || retries === 200) throw error;
    }
  }
}

/** Several real sessions: the embedded store has one, so its transactions come one after the other. */
export function isolationSuite(store: TestStore): void {
  let events: EventStore;
  let sql: SqlPool;
  beforeAll(async () => {
    const opened = await store.open();
    events = opened.events;
    sql = opened.sql!;
  });

  describe('transactions of several sessions', () => {
    test.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])(
      'under %s every error is one that a retry heals, and nothing is lost',
      async (level) => {
        const streams = [freshStream(), freshStream()];
        const writer = async () => {
          await retrying(() =>
            inTransaction(sql, async (tx) => {
              await tx.query(`SET TRANSACTION ISOLATION LEVEL ${level}`);
              await tx.query('SELECT 1');
              for (const stream of streams) await events.append(stream, batch(1), { expectedVersion: 'any', tx });
            }),
          );
        };
        await Promise.all(upTo(8).map(writer));
        for (const stream of streams) expect(await versionsOf(events, stream)).toEqual(upTo(8));
      },
    );

    test('two that write the same streams in opposite order end, both stored, by a retry at most', async () => {
      const [left, right] = [freshStream(), freshStream()];
      let met = 0;
      let meet!: () => void;
      const bothHoldOne = new Promise<void>((resolve) => (meet = resolve));
      const write = (first: StreamName, second: StreamName) =>
        retrying(() =>
          inTransaction(sql, async (tx: SqlExecutor) => {
            await events.append(first, batch(1), { expectedVersion: 'any', tx });
            if (++met === 2) meet();
            await bothHoldOne;
            await events.append(second, batch(1), { expectedVersion: 'any', tx });
          }),
        );
      const retries = await Promise.all([write(left, right), write(right, left)]);
      expect(retries[0] + retries[1]).toBe(1);
      expect(await versionsOf(events, left)).toEqual([1, 2]);
      expect(await versionsOf(events, right)).toEqual([1, 2]);
    });

    test('a transaction that is still open does not hold up other streams', async () => {
      const [held, free] = [freshStream(), freshStream()];
      await inTransaction(sql, async (tx) => {
        await events.append(held, batch(1), { expectedVersion: 'none', tx });
        expect(await events.append(free, batch(1), { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
        expect(await versionsOf(events, held)).toEqual([]);
      });
      expect(await versionsOf(events, held)).toEqual([1]);
    });
  });
}
