import type { Json } from '../flows/json.ts';

/** The status of a transaction, one spelling everywhere. */
export const STATUSES = [
  'running',
  'waiting',
  'paused',
  'completed',
  'compensating',
  'compensated',
  'confirming',
  'confirmed',
  'cancelling',
  'cancelled',
  'stuck',
  'terminated',
] as const;
export type Status = (typeof STATUSES)[number];

/** Nothing happens any more once one of these is reached. */
export const TERMINAL: ReadonlySet<Status> = new Set<Status>(['completed', 'compensated', 'confirmed', 'cancelled', 'terminated']);

/** An error as data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
}

/** What is known about an attempt that did not succeed: `definite` = it had no effect. */
export type FailureOutcome = 'definite' | 'unknown';

/** Which of a step's operations; a reservation has three: its try is the run, its cancel the compensation. */
export type Operation = 'run' | 'compensate' | 'confirm';

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
  | 'compensated'
  | 'confirming'
  | 'confirm_stuck'
  | 'confirm_skipped' // given up by an operator
  | 'confirmed';

/** What a job can be for: a hold is renewed beside all else, whatever its step is in. */
export type JobOperation = Operation | 'renew';

/** The status in which an operation is to be carried out, and the one in which it waits for an operator. */
export const DUE: Readonly<Record<Operation, StepStatus>> = { run: 'issued', compensate: 'compensating', confirm: 'confirming' };
export const STUCK: Readonly<Record<Operation, StepStatus>> = {
  run: 'stuck',
  compensate: 'compensation_stuck',
  confirm: 'confirm_stuck',
};

const OPERATIONS: readonly Operation[] = ['run', 'compensate', 'confirm'];

/** The operation that a step in this status is in, or is stuck in. */
export function operationIn(status: StepStatus, statuses: Readonly<Record<Operation, StepStatus>>): Operation | undefined {
  return OPERATIONS.find((op) => statuses[op] === status);
}

export interface StepState {
  readonly status: StepStatus;
  readonly args: Json;
  readonly result?: Json | undefined;
  /** Failed attempts of the current operation; counting starts again when an operator retries. */
  readonly attempts: number;
  /** When the first of those began, milliseconds since the epoch by the store's clock. */
  readonly failingSinceMs?: number | undefined;
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
  /** Of a reservation: when the participant may give it back, milliseconds since the epoch. */
  readonly hold?: { readonly expiresAtMs: number } | undefined;
  /** Its mapper threw, so there are no arguments yet. */
  readonly unbound?: boolean | undefined;
  readonly outcome?: FailureOutcome | undefined;
  readonly error?: ErrorData | undefined;
  /** Span of its last attempt, if that was traced. */
  readonly span?: string | undefined;
}

/** Why a transaction turned back. */
export type TurnReason =
  | { readonly kind: 'step_failed'; readonly step: string; readonly error: ErrorData }
  | { readonly kind: 'cancelled'; readonly reason: string; readonly by: string }
  | { readonly kind: 'deadline' };

/** Everything the machine knows about one transaction: what its events fold into. */
export interface State {
  /** Absent: a saga. */
  readonly kind?: 'tcc' | undefined;
  /** Of a TCC that is part of something larger: when all is held it waits to be told to confirm. */
  readonly awaitsVerdict?: boolean | undefined;
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
  /** Milliseconds since the epoch by the store's clock. */
  readonly startedAtMs?: number | undefined;
  /** W3C trace context of the start, if that was traced. */
  readonly traceparent?: string | undefined;
  /** Span of the attempt that was recorded last. */
  readonly lastSpan?: string | undefined;
  /** The journal's version this state stands at: the number of its events. */
  readonly version: number;
  readonly status: Status;
  readonly direction: 'forward' | 'backward';
  readonly steps: Readonly<Record<string, StepState>>;
  /** What came with the signals that were received, by name. */
  readonly signals: Readonly<Record<string, Json>>;
  /** Steps in the order in which they settled; they are undone in reverse. */
  readonly settled: readonly string[];
  /** Why it turned back. Of a TCC: its verdict is to cancel. */
  readonly turn?: TurnReason | undefined;
  /** Of a TCC that awaits its verdict: everything is held. */
  readonly held?: boolean | undefined;
  /** Of a TCC: all is held and will be confirmed, whatever comes. */
  readonly verdict?: 'confirm' | undefined;
  /** Asked for while the pivot was in flight: carried out if the pivot fails. */
  readonly pendingTurn?: TurnReason | undefined;
  readonly output?: Json | undefined;
  readonly outputError?: ErrorData | undefined;
  /** Who paused it, and why; absent while it isn't. */
  readonly paused?: { readonly by: string; readonly reason?: string } | undefined;
  /** Who ended it, why, and what stays. */
  readonly termination?: { readonly by: string; readonly reason: string; readonly notCompensated: readonly string[] } | undefined;
  /** The last undo or confirm that an operator gave up: with one of these it ends as terminated. */
  readonly skipped?: { readonly by: string; readonly reason: string } | undefined;
  /** Further failures after the one that turned it. */
  readonly otherFailures: readonly { readonly step: string; readonly error: ErrorData }[];
}

export function stepState(state: State, name: string): StepState | undefined {
  return Object.hasOwn(state.steps, name) ? state.steps[name] : undefined;
}

/** It holds everything, and waits to be told the verdict. */
export function isHeld({ held, verdict, direction, status }: State): boolean {
  return held === true && verdict === undefined && direction === 'forward' && !TERMINAL.has(status);
}

export function isTerminal(state: Pick<State, 'status'>): boolean {
  return TERMINAL.has(state.status);
}
