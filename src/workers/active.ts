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
  readonly #actions = new Map<string, Set<Interrupts>>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #givenUp = false;

  constructor(journal: Pick<Journal, 'summaries'>, onError: (error: unknown) => void) {
    this.#journal = journal;
    this.#onError = onError;
  }

  /** Carries out an operation. With an id it is interrupted when that transaction turns back: an action is, a compensation is not. */
  async during<T>(id: string | undefined, work: (interrupts: Interrupts) => Promise<T>): Promise<T> {
    const interrupts = new Interrupts();
    if (this.#givenUp) interrupts.giveUp();
    this.#all.add(interrupts);
    if (id !== undefined) this.#watch(id, interrupts);
    try {
      return await work(interrupts);
    } finally {
      this.#all.delete(interrupts);
      if (id !== undefined) this.#unwatch(id, interrupts);
    }
  }

  /** Interrupts a transaction's actions in this process at once. */
  cancel(id: string): void {
    const actions = this.#actions.get(id);
    if (actions === undefined) return;
    const reason = new DOMException('the transaction turned back', 'AbortError');
    for (const action of actions) action.cancel(reason);
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

  #watch(id: string, interrupts: Interrupts): void {
    this.#timer ??= setInterval(() => void this.#look(), HEARTBEAT_MS).unref();
    const others = this.#actions.get(id);
    if (others === undefined) this.#actions.set(id, new Set([interrupts]));
    else others.add(interrupts);
  }

  #unwatch(id: string, interrupts: Interrupts): void {
    const actions = this.#actions.get(id);
    actions?.delete(interrupts);
    if (actions?.size === 0) this.#actions.delete(id);
  }

  async #look(): Promise<void> {
    if (this.#actions.size === 0 || this.#looking) return;
    this.#looking = true;
    try {
      for (const { id, status } of await this.#journal.summaries([...this.#actions.keys()])) {
        if (TURNED.has(status)) this.cancel(id);
      }
    } catch (error) {
      this.#onError(error); // the next beat looks again
    } finally {
      this.#looking = false;
    }
  }
}
