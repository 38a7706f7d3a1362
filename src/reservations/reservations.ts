import { AmendsError } from '../errors.ts';
import type { BarrierCall } from '../barrier/call.ts';
import { deliver, type SignalledContext } from '../barrier/deliver.ts';
import type { BarrierExecutor } from '../barrier/executor.ts';
import { retentionFloorMs } from '../barrier/purge.ts';
import type { BarrierTable } from '../barrier/table.ts';
import type { Plan } from '../flows/plan.ts';
import { implementResource, type Resource, type ResourceImplementation } from '../flows/resource.ts';
import type { TryContext } from '../flows/resource-code.ts';
import * as ledger from './ledger.ts';
import type { Wanted } from './ledger.ts';
import { tablesIn } from './tables.ts';

/** Runs `work` in a database transaction of its own, and commits, or rolls back when it throws. */
export type Transact = <T>(work: (executor: BarrierExecutor) => Promise<T>) => Promise<T>;

export interface ReservationsOptions<Args, Hold> extends BarrierTable, Pick<BarrierCall, 'scope'> {
  /** `pgTransactions(pool)`, `pgliteTransactions(db)`, or a function of your own. */
  readonly transaction: Transact;
  /** What of what is asked for. */
  readonly reserve: (context: TryContext<Args>) => Wanted;
  /** What the contract calls a hold. */
  readonly hold: (reserved: Wanted & { readonly transactionId: string; readonly expiresAt: Date }) => Hold;
}

/** Amounts of items, in the participant's own database, that TCCs hold, take or give back. */
export interface Reservations {
  /** Try, confirm and cancel, for a worker. */
  readonly implementation: ResourceImplementation;
  /** Puts so much more of an item there: a delivery, a raised limit. Gives what is left of it then. */
  provide(item: string, amount: number): Promise<number>;
  /** What is neither held nor taken. */
  available(item: string): Promise<number>;
  /** Gives back the holds whose time is up. Gives how many. A try that finds too little left does it for its item. */
  sweep(): Promise<number>;
  /** The same, again and again until `stop()`. */
  sweepEvery(everyMs: number, onError: (error: unknown) => void): { stop(): void };
  /**
   * Removes what has ended so long ago that nothing can ask for it any more. Gives how many.
   *
   * @throws {AmendsError} INVALID_OPTION when a delivery could still come, see {@link retentionFloorMs}
   */
  purge(options: { readonly tccs: readonly { readonly plan: Plan }[]; readonly olderThanMs: number }): Promise<number>;
}

function checkWanted({ item, amount }: Wanted): Wanted {
  if (typeof item === 'string' && item !== '' && Number.isSafeInteger(amount) && amount >= 1) return { item, amount };
  throw new AmendsError(
    'INVALID_OPTION',
    `${String(amount)} of ${JSON.stringify(item)} can't be reserved: give an item and a whole number from 1`,
  );
}

/**
 * A resource that is an amount of something: pieces in stock, cents of credit, seats. Each operation runs behind the barrier in one transaction
 * of the participant's database: called twice it is done once, and a try that comes after its cancel is refused. Run {@link installReservations}
 * first. PostgreSQL.
 *
 * @example
 * const shelves = reservations(stock, {
 *   transaction: pgTransactions(pool),
 *   reserve: ({ input }) => ({ item: input.sku, amount: input.quantity }),
 *   hold: ({ item, amount }) => ({ sku: item, quantity: amount }),
 * });
 * await amends.worker({ sagas: [checkout], implementations: [shelves.implementation] }).run();
 */
export function reservations<Args, Hold>(
  // oxlint-disable-next-line typescript/no-explicit-any -- the input type plays no part in an implementation
  contract: Resource<string, any, Args, Hold>,
  options: ReservationsOptions<Args, Hold>,
): Reservations {
  const { transaction, reserve, scope = '' } = options;
  const resource = contract.name;

  const guarded = <T>(context: SignalledContext & { readonly transactionId: string }, work: (on: On) => Promise<T>): Promise<unknown> =>
    deliver<BarrierExecutor>(
      (inside) => transaction(inside),
      (executor) => executor,
      context,
      (executor) => work({ executor, tables: tablesIn(executor, options), key: { scope, transactionId: context.transactionId, resource } }),
      { scope, schema: options.schema },
    );
  const plain = <T>(work: (on: Omit<On, 'key'>) => Promise<T>): Promise<T> =>
    transaction((executor) => work({ executor, tables: tablesIn(executor, options) }));

  const implementation = implementResource(contract as Resource<string, unknown, unknown, unknown>, {
    try: (context) =>
      guarded(context, async ({ executor, tables, key }) => {
        const wanted = checkWanted(reserve(context as TryContext<Args>));
        await ledger.hold(executor, tables, key, wanted, context.expiresAt);
        return options.hold({ ...wanted, transactionId: context.transactionId, expiresAt: context.expiresAt });
      }),
    confirm: (context) => guarded(context, ({ executor, tables, key }) => ledger.confirm(executor, tables, key)),
    // To a later moment each time, and never back: it needs no barrier.
    ...(contract.renewable
      ? {
          renew: ({ transactionId, expiresAt }: { readonly transactionId: string; readonly expiresAt: Date }) =>
            plain(({ executor, tables }) => ledger.renew(executor, tables, { scope, transactionId, resource }, expiresAt)),
        }
      : {}),
    cancel: (context) => guarded(context, ({ executor, tables, key }) => ledger.cancel(executor, tables, key)),
  });

  const sweep = async (): Promise<number> => {
    const items = await plain(({ executor, tables }) => ledger.overdueItems(executor, tables, resource));
    let given = 0;
    for (const item of items) given += await plain(({ executor, tables }) => ledger.expire(executor, tables, resource, item));
    return given;
  };
  return {
    implementation,
    provide: (item, amount) => plain(({ executor, tables }) => ledger.provide(executor, tables, resource, checkWanted({ item, amount }))),
    available: (item) => plain(({ executor, tables }) => ledger.readAvailable(executor, tables, resource, item)),
    sweep,
    sweepEvery(everyMs, onError) {
      let timer: NodeJS.Timeout | undefined;
      let stopped = false;
      const next = (): void => {
        timer = setTimeout(
          () =>
            void sweep()
              .catch(onError)
              .then(() => stopped || next()),
          everyMs,
        ).unref();
      };
      next();
      return {
        stop() {
          stopped = true;
          clearTimeout(timer);
        },
      };
    },
    async purge({ tccs, olderThanMs }) {
      const floor = retentionFloorMs(tccs);
      if (!Number.isSafeInteger(olderThanMs) || olderThanMs < floor) {
        throw new AmendsError(
          'INVALID_OPTION',
          `olderThanMs is ${olderThanMs}, and a delivery can come up to ${floor} ms late: give ${floor} or more`,
          {
            details: { olderThanMs, floorMs: floor },
          },
        );
      }
      return plain(({ executor, tables }) => ledger.purge(executor, tables, { scope, resource, olderThanMs }));
    },
  };
}

interface On {
  readonly executor: BarrierExecutor;
  readonly tables: ReturnType<typeof tablesIn>;
  readonly key: ledger.ReservationKey;
}
