import type { Journal } from '../journal/journal.ts';
import type { Status } from '../machine/state.ts';
import { Interrupts } from './interrupts.ts';

const HEARTBEAT_MS = 1_000;

/** Statuses in which no action should be running. */
const TURNED: ReadonlySet<Status> = new Set<Status>(['compensating', 'compensated', 'cancelling', 'cancelled', 'terminated']);

/**
 * The operations in work in this process. Once a second one batched read of the journal tells which of their transactions have been
 * turned back by somebody else, and their actions are interrupted.
 */
export class ActiveOperations {
  readonly #journal: Pick<Journal, 'summaries'>;
  readonly #onError: (error: unknown) => void;
  readonly #all = new Set<Interrupts>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #givenUp = false;

  constructor(journal: Pick<Journal, 'summaries'>, onError: (error: unknown) => void) {
    this.#journal = journal;
    this.#onError = onError;
  }

  /** An operation begins. With an id it is interrupted when that transaction turns back: an action is, a compensation is not. */
  begin(id?: string): Interrupts {
    const interrupts = new Interrupts(id);
    if (this.#givenUp) interrupts.giveUp();
    this.#all.add(interrupts);
    if (id !== undefined) this.#timer ??= setInterval(() => void this.#look(), HEARTBEAT_MS).unref();
    return interrupts;
  }

  /** It has ended, however it did. */
  end(interrupts: Interrupts): void {
    this.#all.delete(interrupts);
  }

  /** Interrupts a transaction's actions in this process at once. */
  cancel(id: string): void {
    for (const operation of this.#all)
      if (operation.transaction === id) operation.cancel(new DOMException('the transaction turned back', 'AbortError'));
  }

  /** The worker can't wait any longer. */
  giveUp(): void {
    this.#givenUp = true;
    for (const operation of this.#all) operation.giveUp();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const ids = new Set<string>();
    for (const { transaction } of this.#all) if (transaction !== undefined) ids.add(transaction);
    if (ids.size === 0 || this.#looking) return;
    this.#looking = true;
    try {
      for (const { id, status } of await this.#journal.summaries([...ids])) {
        if (TURNED.has(status)) this.cancel(id);
      }
    } catch (error) {
      this.#onError(error); // the next beat looks again
    } finally {
      this.#looking = false;
    }
  }
}
