import type { Json } from '../flows/json.ts';
import type { ErrorData, FailureOutcome, Operation, TurnReason } from './state.ts';

/** Where and when an attempt ran. Times are milliseconds since the epoch by the store's clock. */
export interface AttemptFacts {
  readonly attempt: number;
  readonly worker: string;
  readonly startedAtMs: number;
  /** Of a traced attempt: id of its span, for those that follow to link to. */
  readonly span?: string | undefined;
}

interface Payloads {
  saga_started: {
    saga: string;
    definitionVersion: number;
    fingerprint: string;
    input: Json;
    inputHash: string;
    tags: Readonly<Record<string, string>>;
    deadlineAtMs: number | null;
    /** Absent: a saga. */
    kind?: 'tcc';
    awaitsVerdict?: boolean;
    /** By the store's clock, so that whoever ends it knows how long it took. */
    startedAtMs?: number;
    /** W3C trace context of the start, where it was traced: all that follows belongs to that trace. */
    traceparent?: string;
  };
  /** `wait`: there is nothing to run, it waits; until then at the latest (milliseconds since the epoch), if ever. */
  step_issued: { step: string; args: Json; wait?: { untilMs: number | null }; hold?: { expiresAtMs: number } };
  /** It may be waited for later. */
  signal_received: { signal: string; data: Json; by: string; reason?: string };
  /** `result` is what came with the signal, else `null`. */
  wait_ended: { step: string; by: 'signal' | 'timer' | 'timeout'; result: Json };
  step_skipped: { step: string };
  /** Only from the second attempt on: the first one's start is in the event that ends it. */
  attempt_started: { step: string; op: Operation } & AttemptFacts;
  /** The worker was lost in the middle of an attempt, or the job was: whether it had an effect is unknown. */
  attempt_lost: { step: string; op: Operation; attempt: number; jobLost?: true };
  attempt_failed: { step: string; op: Operation; error: ErrorData; outcome: FailureOutcome; retryInMs: number } & AttemptFacts;
  step_succeeded: { step: string; result: Json; verified?: boolean } & AttemptFacts;
  step_failed: { step: string; error: ErrorData; outcome: FailureOutcome } & Partial<AttemptFacts>;
  step_withdrawn: { step: string };
  /** The pivot's attempts are used up and nobody knows whether it happened; or too many workers were lost with it; or (`unbound`) the mapper of a step after it threw. */
  step_stuck: { step: string; error: ErrorData; unbound?: true } & Partial<AttemptFacts>;
  /** A step that is retried for ever has failed as often as its policy's attempts: someone should look. */
  step_overdue: { step: string; attempts: number };
  /** Asked for while the pivot was in flight. */
  turn_requested: { turn: TurnReason };
  saga_turned: { turn: TurnReason };
  compensation_issued: { step: string };
  /** `byHand`: a person has undone it, and who and why. */
  compensation_succeeded: { step: string; byHand?: { by: string; reason: string } } & AttemptFacts;
  compensation_stuck: { step: string; error: ErrorData } & Partial<AttemptFacts>;
  hold_renewed: { step: string; expiresAtMs: number };
  /** Of a TCC that awaits its verdict: everything is held. */
  tcc_held: Record<string, never>;
  /** All is held, and will be confirmed: stored before the first confirm is asked for. The verdict to cancel is `saga_turned`. */
  verdict_reached: { verdict: 'confirm'; by?: string; reason?: string };
  confirm_issued: { step: string };
  confirm_succeeded: { step: string } & AttemptFacts;
  confirm_stuck: { step: string; error: ErrorData } & Partial<AttemptFacts>;
  /** An operator gave up a confirm: what it is about is neither confirmed nor cancelled. */
  confirm_skipped: { step: string; by: string; reason: string };
  /** Nothing new is issued until it is resumed; what is in work settles. */
  saga_paused: { by: string; reason?: string };
  saga_resumed: { by: string; reason?: string };
  /** An operator gave up an undo: its effect stays. */
  compensation_skipped: { step: string; by: string; reason: string };
  retry_requested: { step: string; op: Operation; by: string; reason?: string };
  /** An answer that came after the step had been settled without it: kept for the record, never used. */
  late_result: { step: string; op: Operation; succeeded: boolean; error?: ErrorData } & AttemptFacts;
  saga_completed: { output: Json; outputError?: ErrorData };
  saga_compensated: Record<string, never>;
  tcc_confirmed: { output: Json; outputError?: ErrorData };
  tcc_cancelled: Record<string, never>;
  /** Ended by an operator, or with undos that an operator gave up. `notCompensated` stays, or may. */
  saga_terminated: { by: string; reason: string; notCompensated: readonly string[] };
}

export type EventType = keyof Payloads;
export type EventData<T extends EventType> = Payloads[T];
/** What has happened to a transaction, in the journal's words. */
export type TransactionEvent = { [T in EventType]: { readonly type: T; readonly data: Readonly<Payloads[T]> } }[EventType];
