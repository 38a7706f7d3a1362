import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError, isAmendsError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Transactions } from '../journal/transactions.ts';
import type { EventData } from '../machine/event.ts';
import { isTerminal, type State } from '../machine/state.ts';
import type { CompletedSaga } from './outcome.ts';

export interface WaitOptions {
  /** Longest wait in milliseconds; OUTCOME_TIMEOUT then, the saga goes on. Default: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Transactions started here of which no end was heard: of more of them the journal is asked. */
const MOST_EXPECTED = 10_000;

/** What is waited for: a transaction's state, or what was announced of its end. */
export type Ended = State | CompletedSaga;

interface Waiter {
  readonly until: (state: State) => boolean;
  readonly resolve: (ended: Ended) => void;
  readonly reject: (error: unknown) => void;
  /** Takes away what limits it. */
  unlimit: (() => void) | undefined;
}

/** The waiters for one transaction. */
interface Waited {
  readonly id: string;
  readonly waiters: Set<Waiter>;
  /** None of them waits any longer. */
  over: boolean;
  /** Ends the pause between two tries while the store is away. */
  pause: AbortController | undefined;
  /** Somebody is at the journal for them. */
  looking: boolean;
  /** An announcement came meanwhile: what is being read may be older. */
  lookAgain: boolean;
}

export function isSettled(state: State): boolean {
  return isTerminal(state) || state.status === 'stuck';
}

/**
 * Waits for ends. One listener serves all waits of a client; the journal is read when it speaks, unless it tells the outcome too, and never
 * polled. While the store is away the waits go on: what happened meanwhile is read when it is back.
 */
export class Outcomes {
  readonly #journal: Pick<Journal, 'watch'>;
  readonly #transactions: Transactions;
  readonly #waited = new Map<string, Waited>();
  /** Started here while this listened, and not announced since: the journal has no news of them. */
  readonly #expected = new Set<string>();
  #listening = false;
  #watching: Promise<() => Promise<void>> | undefined;
  #closed = false;

  constructor(journal: Pick<Journal, 'watch'>, transactions: Transactions) {
    this.#journal = journal;
    this.#transactions = transactions;
    transactions.onSettled = (id) => this.#announced(id);
  }

  /** A transaction is about to be started here: if its end, however soon, will be heard, waits for it need no look at the journal. */
  expect(id: string): void {
    if (!this.#listening) return;
    this.#expected.add(id);
    if (this.#expected.size <= MOST_EXPECTED) return;
    const [oldest] = this.#expected;
    this.#expected.delete(oldest!);
  }

  /** It was not started after all, or long ago: the journal may have news of it. */
  lookAt(id: string): void {
    this.#announced(id);
  }

  /**
   * The state in which a transaction ended or got stuck, or what was announced of its end.
   *
   * @throws {AmendsError} TRANSACTION_NOT_FOUND, OUTCOME_TIMEOUT, CLOSED; the signal's reason
   */
  wait(id: string, { timeoutMs, signal }: WaitOptions = {}, until: (state: State) => boolean = isSettled): Promise<Ended> {
    return new Promise<Ended>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#closed) throw closedError();
      const waited = this.#waitedFor(id);
      const waiter: Waiter = { until, resolve, reject, unlimit: undefined };
      waited.waiters.add(waiter);
      if (timeoutMs !== undefined || signal !== undefined) this.#limit(waited, waiter, timeoutMs, signal);
      // Registered before the look: an end between the two is not missed.
      if (!this.#expected.has(id)) void this.#look(id);
    });
  }

  close(): void {
    this.#closed = true;
    const watching = this.#watching;
    this.#watching = undefined;
    for (const waited of this.#waited.values()) this.#rejectAll(waited, closedError());
    // Not awaited: it may be under way to a store that is away, and closing the journal ends it too.
    watching?.then(
      (stop) => stop(),
      () => undefined,
    );
  }

  #limit(waited: Waited, waiter: Waiter, timeoutMs: number | undefined, signal: AbortSignal | undefined): void {
    const giveUp = (reason: unknown): void => {
      this.#leave(waited, waiter);
      waiter.reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => giveUp(timeoutError(waited.id, timeoutMs)), timeoutMs);
    waiter.unlimit = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  /** It waits no longer. */
  #leave(waited: Waited, waiter: Waiter): void {
    waiter.unlimit?.();
    waited.waiters.delete(waiter);
    if (waited.waiters.size > 0) return;
    waited.over = true;
    waited.pause?.abort();
    if (this.#waited.get(waited.id) === waited) this.#waited.delete(waited.id);
  }

  #rejectAll(waited: Waited, error: unknown): void {
    for (const waiter of waited.waiters) {
      this.#leave(waited, waiter);
      waiter.reject(error);
    }
  }

  #waitedFor(id: string): Waited {
    const known = this.#waited.get(id);
    if (known !== undefined) return known;
    const made: Waited = { id, waiters: new Set(), over: false, pause: undefined, looking: false, lookAgain: false };
    this.#waited.set(id, made);
    return made;
  }

  async #listen(): Promise<void> {
    const watching = (this.#watching ??= this.#journal.watch((id, completed) => {
      if (id !== undefined) {
        if (!this.#transactions.isSettling(id)) this.#announced(id, completed);
        return;
      }
      // Something may have gone unheard.
      this.#expected.clear();
      for (const waited of this.#waited.keys()) void this.#look(waited);
    }));
    try {
      await watching;
      this.#listening = true;
    } catch (error) {
      if (this.#watching === watching) this.#watching = undefined; // the next look tries again
      if (isAmendsError(error)) throw error;
      throw new AmendsError('STORE_UNREACHABLE', 'the store can not be listened to: check that it runs', { cause: error });
    }
  }

  #announced(id: string, completed?: string): void {
    this.#expected.delete(id);
    if (completed === undefined) void this.#look(id);
    else this.#completed(id, completed);
  }

  /** Nothing follows it, so that everybody who waits has what is waited for. */
  #completed(id: string, completed: string): void {
    const waited = this.#waited.get(id);
    if (waited === undefined) return;
    const { output, outputError } = JSON.parse(completed) as EventData<'saga_completed'>;
    for (const waiter of waited.waiters) {
      this.#leave(waited, waiter);
      waiter.resolve({ id, status: 'completed', output, outputError });
    }
  }

  async #look(id: string): Promise<void> {
    const waited = this.#waited.get(id);
    if (waited === undefined) return;
    if (waited.looking) {
      waited.lookAgain = true;
      return;
    }
    waited.looking = true;
    try {
      do {
        waited.lookAgain = false;
        const state = this.#ended(id) ?? (await this.#present(id, waited));
        if (state === undefined) continue;
        for (const waiter of waited.waiters) {
          if (!waiter.until(state)) continue;
          this.#leave(waited, waiter);
          waiter.resolve(state);
        }
      } while (waited.lookAgain && !waited.over);
    } catch (error) {
      this.#rejectAll(waited, error);
    } finally {
      waited.looking = false;
    }
  }

  /** An end that was recorded here, and that needs no look at the journal: nothing follows it. */
  #ended(id: string): State | undefined {
    const known = this.#transactions.known(id);
    return known !== undefined && isTerminal(known) ? known : undefined;
  }

  /** Reads until it is answered: the store may be away for a while. `undefined`: nobody waits any longer. */
  async #present(id: string, waited: Waited): Promise<State | undefined> {
    for (let pauseMs = FIRST_PAUSE_MS; !waited.over; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await this.#listen();
        const state = this.#ended(id) ?? (await this.#transactions.load(id));
        if (state !== undefined) return state;
        throw new AmendsError(
          'TRANSACTION_NOT_FOUND',
          `there is no transaction ${JSON.stringify(id)} here: check the id, AMENDS_URL and the namespace`,
        );
      } catch (error) {
        if (!isAmendsError(error, 'STORE_UNREACHABLE')) throw error;
        waited.pause = new AbortController();
        await delay(pauseMs * (0.5 + Math.random()), undefined, { signal: waited.pause.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }
}

function closedError(): AmendsError {
  return new AmendsError('CLOSED', 'the client was closed while it waited for an outcome: the saga goes on; ask again with another client');
}

function timeoutError(id: string, timeoutMs: number): AmendsError {
  return new AmendsError(
    'OUTCOME_TIMEOUT',
    `saga ${id} has not ended within ${timeoutMs} ms: it goes on; ask again, or see amends show ${id}`,
    { details: { id, timeoutMs } },
  );
}
