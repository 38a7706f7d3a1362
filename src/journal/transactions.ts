import type { SqlExecutor } from '../connections/sql.ts';
import type { Plan } from '../flows/plan.ts';
import { AmendsError } from '../errors.ts';
import { beginning, decision, type Rules } from '../machine/decide.ts';
import type { EventData, TransactionEvent } from '../machine/event.ts';
import { evolveAll } from '../machine/evolve.ts';
import type { Fact } from '../machine/fact.ts';
import { Redaction } from '../machine/redaction.ts';
import { isHeld, isTerminal, operationIn, STUCK, type State } from '../machine/state.ts';
import type { StoreClock } from './clock.ts';
import type { Commit, CommitResult, Journal } from './journal.ts';
import { KnownStates } from './known-states.ts';

/** What a fact led to. No events: it changed nothing. */
export interface Recorded {
  readonly state: State;
  readonly events: readonly TransactionEvent[];
}

export interface Started extends Recorded {
  /** `false`: the id was taken; `state` is the transaction that has it. */
  readonly created: boolean;
}

interface BeginOptions {
  readonly tx?: SqlExecutor | undefined;
  readonly meanwhile?: ((beginning: Recorded) => void) | undefined;
}

const ERROR_LENGTH = 300;

/** What lists show of its error: without what its plan marks as sensitive. */
function shortError(plan: Plan, state: State): string | undefined {
  const stuck = Object.values(state.steps).find(({ status }) => operationIn(status, STUCK) !== undefined);
  const told = stuck?.error?.message ?? turnText(state);
  const text = told === undefined ? undefined : new Redaction(plan, state).text(told);
  return text === undefined || text.length <= ERROR_LENGTH ? text : `${text.slice(0, ERROR_LENGTH - 1)}…`;
}

function turnText({ turn, termination }: State): string | undefined {
  if (termination !== undefined) return `terminated: ${termination.reason}`;
  switch (turn?.kind) {
    case 'step_failed':
      return turn.error.message;
    case 'cancelled':
      return `cancelled: ${turn.reason}`;
    case 'deadline':
      return 'its deadline passed';
    default:
      return undefined;
  }
}

function commitOf({ plan }: Rules, before: State | undefined, after: State, events: readonly TransactionEvent[], tx?: SqlExecutor): Commit {
  const { id, saga, definitionVersion, status, tags } = after;
  return {
    id,
    expectedVersion: before?.version ?? 0,
    events,
    summary: { saga, definitionVersion, status, tags, error: shortError(plan, after) },
    announce: isSettling(before, after),
    tx,
  };
}

/** Whether those who wait for the outcome are to be told. */
function isSettling(before: State | undefined, after: State): boolean {
  return after.status !== before?.status && (isTerminal(after) || after.status === 'stuck' || isHeld(after));
}

function hasChanged({ id, version, status }: State, expected: number): AmendsError {
  return new AmendsError(
    'WRONG_EXPECTED_VERSION',
    `transaction ${id} has changed meanwhile: it is ${status} at version ${version}, not at ${expected}; look again and decide again`,
    { details: { id, expected, actual: version, status } },
  );
}

/**
 * The states of transactions, folded from the journal. A state once read is kept and only what came after it is read again, so that a
 * step costs the same whether its saga has 3 or 50. It is kept for a while only. A kept state may be stale: the journal's compare-and-set refuses what was decided on it.
 */
export class Transactions {
  readonly #journal: Journal;
  readonly #clock: StoreClock;
  /** Told of each transaction that a record of this process has ended or shown as stuck, or may have. */
  onSettled: ((id: string) => void) | undefined;
  /** Whose records that end them are under way. */
  readonly #settling = new Set<string>();
  /** Told of all that a record of this process has changed. What begins in the caller's own SQL transaction may still be rolled back. */
  onRecorded: ((before: State | undefined, state: State, events: readonly TransactionEvent[]) => void) | undefined;
  readonly #states = new KnownStates();

  constructor(journal: Journal, clock: StoreClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** What this process last saw, without a look at the journal. */
  known(id: string): State | undefined {
    return this.#states.get(id);
  }

  /** Whether a record of this process is about to end it, or to show it as stuck: {@link onSettled} tells what became of that. */
  isSettling(id: string): boolean {
    return this.#settling.has(id);
  }

  /** The present state; `undefined`: no such transaction. */
  async load(id: string): Promise<State | undefined> {
    const known = this.#states.get(id);
    const news = await this.#journal.read(id, known?.version ?? 0);
    return this.#seen(
      evolveAll(
        known,
        id,
        news.map(({ event }) => event),
      ),
    );
  }

  /**
   * Starts a transaction, or gives the one that has this id.
   *
   * @param meanwhile Called when the commit is on its way, and before it is answered.
   */
  async start(rules: Rules, id: string, started: EventData<'saga_started'>, { tx, meanwhile }: BeginOptions = {}): Promise<Started> {
    const { events, state } = beginning(this.#timed(rules), id, started);
    this.#states.forget(id); // of an earlier transaction that had it
    // What is in the caller's transaction may still be rolled back.
    const committing = this.#commit(commitOf(rules, undefined, state, events, tx), tx === undefined ? state : undefined);
    meanwhile?.({ state, events });
    const result = await committing;
    if (!result.committed) {
      const taken = evolveAll(
        undefined,
        id,
        result.unseen.map(({ event }) => event),
      )!;
      return { created: false, state: this.#seen(taken), events: [] };
    }
    this.onRecorded?.(undefined, state, events);
    return { created: true, state, events };
  }

  /**
   * Decides what a fact means and journals it. Whoever loses a race decides again on what the winner wrote.
   *
   * @param expectedVersion Decide on this version only. Default: on whatever is there.
   * @throws {AmendsError} NOT_ALLOWED, WRONG_EXPECTED_VERSION
   */
  async record(rules: Rules, from: State, fact: Fact, expectedVersion?: number): Promise<Recorded> {
    let state = from;
    for (;;) {
      if (expectedVersion !== undefined && state.version !== expectedVersion) throw hasChanged(state, expectedVersion);
      const { events, state: next } = decision(this.#timed(rules), state, fact);
      if (events.length === 0) return { state, events };
      const commit = commitOf(rules, state, next, events);
      const result = await (commit.announce ? this.#settle(commit, next) : this.#commit(commit, next));
      if (result.committed) {
        this.onRecorded?.(state, next, events);
        return { state: next, events };
      }
      state = this.#seen(
        evolveAll(
          state,
          state.id,
          result.unseen.map(({ event }) => event),
        )!,
      );
    }
  }

  #timed({ plan, bindings, limits }: Rules): Rules {
    return { plan, bindings, limits, nowMs: this.#clock.nowMs() };
  }

  /** @param next What is true when it is done, and is remembered then. */
  #commit(commit: Commit, next: State | undefined): Promise<CommitResult> {
    const sentAtMs = Date.now();
    return this.#journal.commit(commit).then((result) => {
      if (!result.committed) return result;
      this.#clock.observe(result.atMs, sentAtMs);
      if (next !== undefined) this.#states.keep(next);
      return result;
    });
  }

  /** Its announcement may be heard before its answer: whoever waits for the outcome is told by this process then, and need not ask the journal. */
  async #settle(commit: Commit, next: State): Promise<CommitResult> {
    this.#settling.add(commit.id);
    try {
      return await this.#commit(commit, next);
    } finally {
      this.#settling.delete(commit.id);
      this.onSettled?.(commit.id);
    }
  }

  /** An end that was read may be about to be removed from the journal: it isn't remembered, as one that was just recorded is. */
  #seen<S extends State | undefined>(state: S): S {
    if (state === undefined) return state;
    if (isTerminal(state)) this.#states.forget(state.id);
    else this.#states.keep(state);
    return state;
  }
}
