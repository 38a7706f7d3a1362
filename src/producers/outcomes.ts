import { AmendsError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Transactions } from '../journal/transactions.ts';
import { isTerminal, type State } from '../machine/state.ts';

export interface WaitOptions {
  /** Longest wait in milliseconds; OUTCOME_TIMEOUT then, the saga goes on. Default: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Waiter {
  readonly resolve: (state: State) => void;
  readonly reject: (error: unknown) => void;
}

function isSettled(state: State | undefined): state is State {
  return state !== undefined && (isTerminal(state) || state.status === 'stuck');
}

/** Waits for ends. One listener serves all waits of a client; the journal is read when it speaks, and never polled. */
export class Outcomes {
  readonly #journal: Pick<Journal, 'watch'>;
  readonly #transactions: Transactions;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #watching: Promise<() => Promise<void>> | undefined;

  constructor(journal: Pick<Journal, 'watch'>, transactions: Transactions) {
    this.#journal = journal;
    this.#transactions = transactions;
  }

  /**
   * The state in which a transaction ended or got stuck.
   *
   * @throws {AmendsError} TRANSACTION_NOT_FOUND, OUTCOME_TIMEOUT, CLOSED; the signal's reason
   */
  async wait(id: string, { timeoutMs, signal }: WaitOptions = {}): Promise<State> {
    signal?.throwIfAborted();
    await this.#listen();
    signal?.throwIfAborted(); // it may have fired meanwhile, and does so once
    return new Promise<State>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        const waiters = this.#waiters.get(id);
        waiters?.delete(waiter);
        if (waiters?.size === 0) this.#waiters.delete(id);
      };
      const waiter: Waiter = {
        resolve: (state) => {
          done();
          resolve(state);
        },
        reject: (error) => {
          done();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      const onAbort = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              waiter.reject(
                new AmendsError(
                  'OUTCOME_TIMEOUT',
                  `saga ${id} has not ended within ${timeoutMs} ms: it goes on; ask again, or see amends show ${id}`,
                  {
                    details: { id, timeoutMs },
                  },
                ),
              );
            }, timeoutMs);
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters.add(waiter));
      // Registered before the look: an end between the two is not missed.
      void this.#look(id);
    });
  }

  async close(): Promise<void> {
    const watching = this.#watching;
    this.#watching = undefined;
    for (const waiter of [...this.#waiters.values()].flatMap((waiters) => [...waiters])) {
      waiter.reject(
        new AmendsError('CLOSED', 'the client was closed while it waited for an outcome: the saga goes on; ask again with another client'),
      );
    }
    await (
      await watching?.catch(() => undefined)
    )?.();
  }

  async #listen(): Promise<void> {
    this.#watching ??= this.#journal.watch((id) => {
      if (id === undefined) for (const waited of this.#waiters.keys()) void this.#look(waited);
      else if (this.#waiters.has(id)) void this.#look(id);
    });
    try {
      await this.#watching;
    } catch (error) {
      this.#watching = undefined; // the next wait tries again
      throw error;
    }
  }

  async #look(id: string): Promise<void> {
    try {
      const known = this.#transactions.known(id);
      const state = known !== undefined && isTerminal(known) ? known : await this.#transactions.load(id);
      if (state === undefined) {
        throw new AmendsError(
          'TRANSACTION_NOT_FOUND',
          `there is no transaction ${JSON.stringify(id)} here: check the id, AMENDS_URL and the namespace`,
        );
      }
      if (isSettled(state)) for (const waiter of this.#waiters.get(id) ?? []) waiter.resolve(state);
    } catch (error) {
      for (const waiter of this.#waiters.get(id) ?? []) waiter.reject(error);
    }
  }
}
