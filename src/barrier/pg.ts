import { setTimeout as delay } from 'node:timers/promises';
import type { ClientBase, Pool, PoolClient } from 'pg';
import { AmendsError } from '../errors.ts';
import type { CompensationContext, StepContext } from '../flows/step.ts';
import { barrier, type BarrierOptions } from './barrier.ts';
import { barrierCall, type BarrierCall, type BarrierContext } from './call.ts';
import { isTransient, type BarrierExecutor } from './executor.ts';
import { barrierResult } from './outcome.ts';

/** A `pg` client in an open transaction. A pool is good for {@link installBarrier} and {@link purgeBarrier} only. */
export function pgExecutor(client: Pick<ClientBase | Pool, 'query'>): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const { rows, rowCount } = await (client as ClientBase).query<Record<string, unknown>>(sql, [...params]);
      return { rows, rowCount };
    },
  };
}

export interface WithBarrierOptions extends BarrierOptions, Pick<BarrierCall, 'scope' | 'barrierId'> {
  /** Default: the database's own. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable' | undefined;
  /** How often the transaction is run when others get in its way (40001, 40P01). Default 5. */
  readonly attempts?: number | undefined;
}

const BEGIN = {
  'read committed': 'BEGIN ISOLATION LEVEL READ COMMITTED',
  'repeatable read': 'BEGIN ISOLATION LEVEL REPEATABLE READ',
  serializable: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
};
const FIRST_PAUSE_MS = 10;

function resolve({ isolation, attempts = 5 }: WithBarrierOptions): { readonly begin: string; readonly attempts: number } {
  if (isolation !== undefined && !Object.hasOwn(BEGIN, isolation)) {
    throw new AmendsError('INVALID_OPTION', `isolation is ${String(isolation)}: give one of ${Object.keys(BEGIN).join(', ')}`);
  }
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new AmendsError('INVALID_OPTION', `attempts is ${String(attempts)}: give a whole number from 1`);
  }
  return { begin: isolation === undefined ? 'BEGIN' : BEGIN[isolation], attempts };
}

async function transaction<T>(pool: Pool, begin: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A session that breaks while it is checked out emits an error, which would end the process: its statement says it too.
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let usable = true;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A session whose rollback fails is in an unknown state: it must not go back into the pool.
    usable = await client.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    throw error;
  } finally {
    client.removeListener('error', ignore);
    client.release(!usable);
  }
}

/** The context of a step, of which the signal ends the retries. */
type SignalledContext = BarrierContext & Pick<StepContext<unknown>, 'signal'>;

/**
 * A whole transaction behind a barrier, for `pg`: takes a client, begins, does `work` at most once, commits, and runs it all again when the
 * database asks for it. A duplicate gives the stored result; an undo that is empty or was done before returns quietly.
 *
 * @param work Gets the client, in the transaction, and for a compensation what the action's work returned.
 * @throws {StepFailed} the action comes after its compensation (definite: it had no effect)
 * @throws {BarrierMismatchError} not retried; {BarrierInProgressError} and everything else: deliver again
 * @example
 * implement(chargePayment, {
 *   run: (context) => withBarrier(pool, context, (tx) => debit(tx, context.input)),
 *   compensate: (context) => withBarrier(pool, context, (tx, charge) => credit(tx, charge)),
 * });
 */
export function withBarrier(
  pool: Pool,
  context: Pick<CompensationContext<unknown, unknown>, keyof SignalledContext>,
  work: (tx: PoolClient, undone: unknown) => Promise<unknown>,
  options?: WithBarrierOptions,
): Promise<void>;
export function withBarrier<Result>(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolClient) => Promise<Result>,
  options?: WithBarrierOptions,
): Promise<Result>;
export async function withBarrier(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolClient, undone: unknown) => Promise<unknown>,
  options: WithBarrierOptions = {},
): Promise<unknown> {
  const { begin, attempts } = resolve(options);
  const call = barrierCall(context, { scope: options.scope, barrierId: options.barrierId });
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      const outcome = await transaction(pool, begin, async (client) => {
        // The result of an undo is of no use to anyone.
        const does = async (undone: unknown): Promise<unknown> => {
          const result = await work(client, undone);
          return call.op === 'compensate' ? undefined : result;
        };
        return barrier(pgExecutor(client), call, does, options);
      });
      return barrierResult<unknown>(call as BarrierCall, outcome);
    } catch (error) {
      if (attempt === attempts || !isTransient(error)) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** attempt * Math.random(), undefined, { signal: context.signal });
    }
  }
}
