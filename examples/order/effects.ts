import { StepFailed } from 'amends';
import { defineTables, type ServiceDatabase, type Sql } from './database.ts';
import { hiccupsOf, type HiccupOptions } from './hiccups.ts';

// Written out by hand to show what a participant has to do. The barrier of Amends, once it exists, takes its place.

/** Which action of which saga, for which order. `key` is the idempotency key of the action, for its compensation too. */
interface Delivery {
  readonly key: string;
  readonly sagaId: string;
  readonly orderId: string;
}

/** A service's record of what it did: each effect once, in the same database transaction as the business write. */
export interface Effects {
  /**
   * Does an action once. Delivered again, it gives the stored result, whatever the business rules say by now.
   *
   * @throws {StepFailed} what `work` refuses, and an action that comes after its compensation
   */
  run<Result extends object>(delivery: Delivery, work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** Undoes an action once. An action that never happened is barred from happening later, and nothing else is done. */
  undo(delivery: Delivery, work: (sql: Sql, result: unknown) => Promise<void>): Promise<void>;
}

// `at_us` is for the audit: it tells the order of effects across services whose databases share a clock.
const TABLE = `create table if not exists effects (
  key text not null,
  operation text not null check (operation in ('run', 'compensate')),
  saga_id text not null,
  order_id text not null,
  outcome text not null check (outcome in ('done', 'empty')),
  result jsonb,
  at_us bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
  primary key (key, operation)
)`;

/** Takes a slot. An open transaction that holds it is waited for. `false`: it was taken before. */
async function take(sql: Sql, operation: 'run' | 'compensate', delivery: Delivery, outcome: 'done' | 'empty'): Promise<boolean> {
  const taken = await sql.query(
    `insert into effects (key, operation, saga_id, order_id, outcome) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning 1`,
    [delivery.key, operation, delivery.sagaId, delivery.orderId, outcome],
  );
  return taken.length > 0;
}

interface Stored<Result> {
  readonly outcome: 'done' | 'empty';
  readonly result: Result;
}

async function storedAction<Result>(sql: Sql, { key }: Delivery): Promise<Stored<Result>> {
  const [row] = await sql.query<Stored<Result>>(`select outcome, result from effects where key = $1 and operation = 'run'`, [key]);
  if (row === undefined) throw new Error(`no effect is recorded under key ${key}`);
  return row;
}

/** Opens the record of a service. `hiccups`: lose the answer of some operations after they were committed. */
export async function openEffects(service: string, database: ServiceDatabase, hiccups?: HiccupOptions): Promise<Effects> {
  const hiccup = hiccupsOf(service, hiccups);
  await defineTables(database, [TABLE]);
  return {
    async run(delivery, work) {
      const { result, fresh } = await database.transaction(async (sql) => {
        if (!(await take(sql, 'run', delivery, 'done'))) {
          const before = await storedAction<Awaited<ReturnType<typeof work>>>(sql, delivery);
          if (before.outcome === 'empty') {
            throw new StepFailed(`${service}: the action for order ${delivery.orderId} comes after its compensation and is refused`);
          }
          return { result: before.result, fresh: false };
        }
        const result = await work(sql);
        await sql.query(`update effects set result = $2::jsonb where key = $1 and operation = 'run'`, [
          delivery.key,
          JSON.stringify(result),
        ]);
        return { result, fresh: true };
      });
      if (fresh) hiccup('run', delivery.orderId);
      return result;
    },

    async undo(delivery, work) {
      const fresh = await database.transaction(async (sql) => {
        const never = await take(sql, 'run', delivery, 'empty');
        if (!(await take(sql, 'compensate', delivery, never ? 'empty' : 'done'))) return false;
        if (!never) await work(sql, (await storedAction<unknown>(sql, delivery)).result);
        return true;
      });
      if (fresh) hiccup('compensate', delivery.orderId);
    },
  };
}
