import type { JournaledEvent } from '../../src/journal/journal.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';

export const START_MS = Date.UTC(2026, 0, 31, 12);

/** Events at their times after the start, in milliseconds. */
export function historyOf(...events: readonly (readonly [number, TransactionEvent])[]): readonly JournaledEvent[] {
  return events.map(([afterMs, event], i) => ({ version: i + 1, atMs: START_MS + afterMs, event }));
}

export function started(tags: Readonly<Record<string, string>> = {}): TransactionEvent {
  return {
    type: 'saga_started',
    data: { saga: 'order', definitionVersion: 3, fingerprint: 'f', input: {}, inputHash: 'h', tags, deadlineAtMs: null },
  };
}

export function issued(step: string): TransactionEvent {
  return { type: 'step_issued', data: { step, args: {} } };
}

/** Facts of an attempt that began so many milliseconds after the start. */
export function attempt(attempt: number, beganAfterMs: number): { attempt: number; worker: string; startedAtMs: number } {
  return { attempt, worker: 'host:1:aa', startedAtMs: START_MS + beganAfterMs };
}

export function succeeded(step: string, beganAfterMs: number): TransactionEvent {
  return { type: 'step_succeeded', data: { step, result: {}, ...attempt(1, beganAfterMs) } };
}

export function failed(step: string, message: string, beganAfterMs: number): TransactionEvent {
  const error = { name: 'StepFailed', message };
  return { type: 'step_failed', data: { step, error, outcome: 'definite', ...attempt(1, beganAfterMs) } };
}

export function turned(step: string, message: string): TransactionEvent {
  return { type: 'saga_turned', data: { turn: { kind: 'step_failed', step, error: { name: 'StepFailed', message } } } };
}
