import type { Json } from '../flows/json.ts';
import type { AttemptFacts } from './event.ts';
import type { ErrorData, FailureOutcome, Operation } from './state.ts';

/**
 * Something that came to the machine's notice; {@link decide} says what it means.
 * An `attempt` is numbered by the state it began on, `attemptsEver + 1` of its step: by that an answer of an earlier one is told apart.
 */
export type Fact =
  | ({ readonly type: 'attempt_started'; readonly step: string; readonly op: Operation } & Omit<AttemptFacts, 'attempt'>)
  | {
      readonly type: 'attempt_lost';
      readonly step: string;
      readonly op: Operation;
      /** After so many lost workers it is not delivered again but stuck: it may be what kills them. Default: none. */
      readonly limit?: number;
      /** Its job was gone, which says nothing of a worker. */
      readonly jobLost?: true;
    }
  | ({ readonly type: 'succeeded'; readonly step: string; readonly result: Json; readonly verified?: boolean } & AttemptFacts)
  /** An action answered after its time was up, when its failure was on record: kept for the record, and never used. */
  | ({ readonly type: 'answered_late'; readonly step: string } & AttemptFacts)
  | ({
      readonly type: 'attempt_failed';
      readonly step: string;
      readonly op: Operation;
      readonly error: ErrorData;
      readonly outcome: FailureOutcome;
      readonly retryable: boolean;
      /** Drawn by the caller from [0, 1), for jitter. */
      readonly random: number;
      readonly nowMs: number;
    } & AttemptFacts)
  | ({ readonly type: 'compensated'; readonly step: string } & AttemptFacts)
  | ({ readonly type: 'confirmed'; readonly step: string } & AttemptFacts)
  | { readonly type: 'renewed'; readonly step: string; readonly expiresAtMs: number }
  /** The participant can't prolong the hold: it is gone, or will be. */
  | { readonly type: 'renewal_failed'; readonly step: string; readonly error: ErrorData }
  | { readonly type: 'withdrawn'; readonly step: string }
  | { readonly type: 'signal_sent'; readonly signal: string; readonly data: Json; readonly by: string; readonly reason?: string }
  /** The time of a wait may be up. */
  | { readonly type: 'wait_due'; readonly step: string; readonly nowMs: number }
  | { readonly type: 'cancel_requested'; readonly reason: string; readonly by: string }
  /** The verdict of a TCC that waits for it: everything is to be confirmed. */
  | { readonly type: 'confirm_requested'; readonly by?: string; readonly reason?: string }
  | { readonly type: 'deadline_passed'; readonly nowMs: number }
  | { readonly type: 'pause_requested'; readonly by: string; readonly reason?: string }
  | { readonly type: 'resume_requested'; readonly by: string; readonly reason?: string }
  | { readonly type: 'terminate_requested'; readonly by: string; readonly reason: string }
  /** A person has done what an undo that is stuck could not. Of these three: without a step all that are stuck so are meant. */
  | { readonly type: 'undone_by_hand'; readonly step?: string; readonly by: string; readonly reason: string }
  | { readonly type: 'skip_requested'; readonly step?: string; readonly by: string; readonly reason: string }
  | { readonly type: 'retry_requested'; readonly step?: string; readonly by: string; readonly reason?: string }
  /** Nothing new: look whether something should happen that hasn't. */
  | { readonly type: 'nudged' };
