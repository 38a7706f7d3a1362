import type { ErrorData, TurnReason } from '../machine/state.ts';
import { excerpt, printable } from './printable.ts';

/** How a line is meant; marks and words say the same. */
export type Tone = 'good' | 'bad' | 'undo' | 'quiet' | 'plain' | 'strong';

/** One event in a person's words. */
export interface Happening {
  readonly lane: 'forward' | 'undo';
  readonly mark: string;
  readonly tone: Tone;
  /** Absent when it is about the whole transaction. */
  readonly step?: string;
  readonly text: string;
}

const LONGEST_ERROR = 300;

/** Names that tell no more than the line they stand on. */
const PLAIN_NAMES: ReadonlySet<string> = new Set(['', 'Error', 'StepFailed']);

export function errorText({ name, message }: ErrorData): string {
  return excerpt(PLAIN_NAMES.has(name) ? message : `${name}: ${message}`, LONGEST_ERROR);
}

export function turnText(turn: TurnReason): string {
  switch (turn.kind) {
    case 'step_failed':
      return `${printable(turn.step)} failed: ${errorText(turn.error)}`;
    case 'cancelled':
      return `cancelled by ${printable(turn.by)}: ${printable(turn.reason)}`;
    case 'deadline':
      return 'its deadline passed';
  }
}

/** What a person did in the place of a worker. */
export function byHandText(done: string, { by, reason }: { readonly by: string; readonly reason: string }): string {
  return `${done} by hand, says ${printable(by)}: ${printable(reason)}`;
}
