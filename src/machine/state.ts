import type { Json } from '../flows/json.ts';

/** The status of a transaction, one spelling everywhere. */
export const STATUSES = ['running', 'waiting', 'paused', 'completed', 'compensating', 'compensated', 'stuck', 'terminated'] as const;
export type Status = (typeof STATUSES)[number];

/** Nothing happens any more once one of these is reached. */
export const TERMINAL: ReadonlySet<Status> = new Set<Status>(['completed', 'compensated', 'terminated']);

/** An error as data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
}

/** What is known about an attempt that did not succeed: `definite` = it had no effect. */
export type FailureOutcome = 'definite' | 'unknown';

/** Which of a step's two operations. */
export type Operation = 'run' | 'compensate';

export type StepStatus =
  | 'issued' // its job exists or is about to
  | 'succeeded'
  | 'skipped' // its `when` said no, or its wait ended without the signal
  | 'failed' // settled without a result; `outcome` tells what is known
  | 'withdrawn' // taken back before it ran
  | 'stuck' // the pivot's outcome can't be found out
  | 'compensating'
  | 'compensation_stuck'
  | 'compensation_skipped' // given up by an operator
  | 'compensated';

export interface StepState {
  readonly status: StepStatus;
  readonly args: Json;
  readonly result?: Json | undefined;
  /** Failed attempts of the current operation; counting starts again when an operator retries. */
  readonly attempts: number;
  /** Attempts of the current operation ever made, for numbering. */
  readonly attemptsEver: number;
  /** Workers lost in the middle of it. */
  readonly lost: number;
  /** Some attempt may have had an effect although it was never reported as done. */
  readonly doubtful: boolean;
  /** It waits for its next attempt. */
  readonly backingOff: boolean;
  /** It runs nothing but waits: until then (milliseconds since the epoch) at the latest; `null`: without a limit. */
  readonly wait?: { readonly untilMs: number | null } | undefined;
  /** Its mapper threw, so there are no arguments yet. */
  readonly unbound?: boolean | undefined;
  readonly outcome?: FailureOutcome | undefined;
  readonly error?: ErrorData | undefined;
}

/** Why a transaction turned back. */
export type TurnReason =
  | { readonly kind: 'step_failed'; readonly step: string; readonly error: ErrorData }
  | { readonly kind: 'cancelled'; readonly reason: string; readonly by: string }
  | { readonly kind: 'deadline' };

/** Everything the machine knows about one transaction: what its events fold into. */
export interface State {
  readonly id: string;
  readonly saga: string;
  readonly definitionVersion: number;
  readonly fingerprint: string;
  readonly input: Json;
  /** Hash of the input as the caller gave it, to tell a repeated start from a conflict. */
  readonly inputHash: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch by the store's clock; `null`: none. */
  readonly deadlineAtMs: number | null;
  /** The journal's version this state stands at: the number of its events. */
  readonly version: number;
  readonly status: Status;
  readonly direction: 'forward' | 'backward';
  readonly steps: Readonly<Record<string, StepState>>;
  /** What came with the signals that were received, by name. */
  readonly signals: Readonly<Record<string, Json>>;
  /** Steps in the order in which they settled; they are undone in reverse. */
  readonly settled: readonly string[];
  readonly turn?: TurnReason | undefined;
  /** Asked for while the pivot was in flight: carried out if the pivot fails. */
  readonly pendingTurn?: TurnReason | undefined;
  readonly output?: Json | undefined;
  readonly outputError?: ErrorData | undefined;
  /** Who paused it, and why; absent while it isn't. */
  readonly paused?: { readonly by: string; readonly reason?: string } | undefined;
  /** Who ended it, why, and what stays. */
  readonly termination?: { readonly by: string; readonly reason: string; readonly notCompensated: readonly string[] } | undefined;
  /** The last undo that an operator gave up: with one of these it ends as terminated, never as compensated. */
  readonly skipped?: { readonly by: string; readonly reason: string } | undefined;
  /** Further failures after the one that turned it. */
  readonly otherFailures: readonly { readonly step: string; readonly error: ErrorData }[];
}

export function stepState(state: State, name: string): StepState | undefined {
  return Object.hasOwn(state.steps, name) ? state.steps[name] : undefined;
}

export function isTerminal(state: Pick<State, 'status'>): boolean {
  return TERMINAL.has(state.status);
}
