import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError } from '../errors.ts';
import type { CancelContext } from '../flows/resource-code.ts';
import type { CompensationContext, StepContext } from '../flows/step.ts';
import { barrier, type BarrierOptions } from './barrier.ts';
import { barrierCall, type BarrierCall, type BarrierContext } from './call.ts';
import { isTransient, type BarrierExecutor } from './executor.ts';
import { barrierResult } from './outcome.ts';

export interface WithBarrierOptions extends BarrierOptions, Pick<BarrierCall, 'scope' | 'barrierId'> {
  /** Default: the database's own. */
  readonly isolation?: Isolation | undefined;
  /** How often the transaction is run when others get in its way (see {@link isTransient}). Default 5. */
  readonly attempts?: number | undefined;
}

const ISOLATION = { 'read committed': 'READ COMMITTED', 'repeatable read': 'REPEATABLE READ', serializable: 'SERIALIZABLE' };
type Isolation = keyof typeof ISOLATION;

/** The context of a step, of which the signal ends the retries. */
export type SignalledContext = BarrierContext & Pick<StepContext<unknown>, 'signal'>;

/** What an undo is called with, of a step or of a resource. */
export type UndoContext =
  | Pick<CompensationContext<unknown, unknown>, 'sagaId' | 'step' | 'op' | 'input' | 'signal'>
  | Pick<CancelContext<unknown, unknown>, 'transactionId' | 'resource' | 'op' | 'input' | 'signal'>;

/** Begins on a connection of its own, does the work, and commits or rolls back. `level`: the isolation as SQL. */
export type Transaction<Tx> = <T>(work: (tx: Tx) => Promise<T>, level: string | undefined) => Promise<T>;

const FIRST_PAUSE_MS = 10;

function resolve({ isolation, attempts = 5 }: WithBarrierOptions): { readonly level: string | undefined; readonly attempts: number } {
  if (isolation !== undefined && !Object.hasOwn(ISOLATION, isolation)) {
    throw new AmendsError('INVALID_OPTION', `isolation is ${String(isolation)}: give one of ${Object.keys(ISOLATION).join(', ')}`);
  }
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new AmendsError('INVALID_OPTION', `attempts is ${String(attempts)}: give a whole number from 1`);
  }
  return { level: isolation === undefined ? undefined : ISOLATION[isolation], attempts };
}

/** One delivery: its whole transaction behind a barrier, again while the database asks for it. */
export async function deliver<Tx>(
  transaction: Transaction<Tx>,
  executorOf: (tx: Tx) => BarrierExecutor,
  context: SignalledContext,
  work: (tx: Tx, undone: unknown) => Promise<unknown>,
  options: WithBarrierOptions,
): Promise<unknown> {
  const { level, attempts } = resolve(options);
  const call = barrierCall(context, { scope: options.scope, barrierId: options.barrierId });
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      const outcome = await transaction(async (tx) => {
        // The result of an undo is of no use to anyone.
        const does = async (undone: unknown): Promise<unknown> => {
          const result = await work(tx, undone);
          return call.op === 'compensate' || call.op === 'cancel' ? undefined : result;
        };
        return barrier(executorOf(tx), call, does, options);
      }, level);
      return barrierResult<unknown>(call, outcome);
    } catch (error) {
      if (attempt === attempts || !isTransient(error)) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** attempt * Math.random(), undefined, { signal: context.signal });
    }
  }
}
