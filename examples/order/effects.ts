import type { CompensationContext, StepContext } from 'amends';
import { barrier, barrierCall, barrierResult } from 'amends/barrier';
import { defineTables, type ServiceDatabase, type Transaction } from './database.ts';
import { hiccupsOf, type HiccupOptions } from './hiccups.ts';

/** What a service does: each effect once, and a ledger of them for the audit, in the same database transaction as the business write. */
export interface Effects {
  /**
   * Does an action once. Delivered again, it gives the stored result, whatever the business rules say by now.
   *
   * @throws {StepFailed} what `work` refuses, and an action that comes after its compensation
   */
  run<Input extends OrderStep, Result extends object>(
    context: StepContext<Input>,
    work: (sql: Transaction) => Promise<Result>,
  ): Promise<Result>;
  /** Undoes an action once; `result` is what it gave. One that never happened is barred from happening later, and nothing else is done. */
  undo<Input extends OrderStep, Result extends object>(
    context: CompensationContext<Input, Result>,
    work: (sql: Transaction, result: Result) => Promise<void>,
  ): Promise<void>;
}

/** Every step of the saga is asked to do something for an order. */
interface OrderStep {
  readonly orderId: string;
}

// Append-only, and not a guard: should an effect happen twice, the audit sees it. `at_us` tells the order of effects across services whose
// databases share a clock.
const TABLES = [
  `create table if not exists effects (
    saga_id text not null,
    order_id text not null,
    operation text not null check (operation in ('run', 'compensate')),
    outcome text not null check (outcome in ('done', 'empty')),
    at_us bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint
  )`,
];

async function record(sql: Transaction, { sagaId, op, input }: StepContext<OrderStep>, outcome: 'done' | 'empty'): Promise<void> {
  await sql.query('insert into effects (saga_id, order_id, operation, outcome) values ($1, $2, $3, $4)', [
    sagaId,
    input.orderId,
    op,
    outcome,
  ]);
}

/** Opens the ledger of a service. `hiccups`: lose the answer of some operations after they were committed. */
export async function openEffects(service: string, database: ServiceDatabase, hiccups?: HiccupOptions): Promise<Effects> {
  const hiccup = hiccupsOf(service, hiccups);
  await defineTables(database, TABLES);

  async function once(context: StepContext<OrderStep>, work: (sql: Transaction, undone: unknown) => Promise<unknown>): Promise<unknown> {
    const call = barrierCall(context);
    const { result, fresh } = await database.transaction(async (sql) => {
      const outcome = await barrier(sql.executor, call, async (undone) => {
        const given = await work(sql, undone);
        await record(sql, context, 'done');
        return given;
      });
      if (outcome.kind === 'empty') await record(sql, context, 'empty');
      return { result: barrierResult(call, outcome), fresh: outcome.kind !== 'duplicate' };
    });
    if (fresh) hiccup(call.op, context.input.orderId);
    return result;
  }

  return {
    run: async (context, work) => (await once(context, work)) as Awaited<ReturnType<typeof work>>,
    undo: async (context, work) => {
      await once(context, (sql, undone) => work(sql, undone as never));
    },
  };
}
