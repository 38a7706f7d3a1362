import type { Journal } from '../journal/journal.ts';
import type { Status } from '../machine/state.ts';

const HEARTBEAT_MS = 1_000;

/** Statuses in which no action should be running. */
const TURNED: ReadonlySet<Status> = new Set<Status>(['compensating', 'compensated', 'terminated']);

/**
 * The actions in work in this process. Once a second one batched read of the journal tells which of their transactions have been
 * turned back by somebody else, and their signals fire.
 */
export class ActiveActions {
  readonly #journal: Pick<Journal, 'summaries'>;
  readonly #onError: (error: unknown) => void;
  readonly #actions = new Map<string, Set<AbortController>>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(journal: Pick<Journal, 'summaries'>, onError: (error: unknown) => void) {
    this.#journal = journal;
    this.#onError = onError;
  }

  /** Runs `work` with a signal that fires when the transaction turns back. */
  async during<T>(id: string, work: (cancelled: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const actions = this.#actions.get(id) ?? new Set();
    this.#actions.set(id, actions.add(controller));
    this.#timer ??= setInterval(() => void this.#look(), HEARTBEAT_MS).unref();
    try {
      return await work(controller.signal);
    } finally {
      actions.delete(controller);
      if (actions.size === 0 && this.#actions.get(id) === actions) this.#actions.delete(id);
    }
  }

  /** Fires the signals of a transaction's actions in this process at once. */
  abort(id: string): void {
    for (const controller of this.#actions.get(id) ?? []) controller.abort(new DOMException('the transaction turned back', 'AbortError'));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#actions.size === 0 || this.#looking) return;
    this.#looking = true;
    try {
      for (const { id, status } of await this.#journal.summaries([...this.#actions.keys()])) {
        if (TURNED.has(status)) this.abort(id);
      }
    } catch (error) {
      this.#onError(error); // the next beat looks again
    } finally {
      this.#looking = false;
    }
  }
}
