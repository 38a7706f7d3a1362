import type { Plan } from '../flows/plan.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import type { ErrorData, Operation } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';

type AttemptOutcome = 'open' | 'succeeded' | 'failed' | 'unknown' | 'lost' | 'late' | 'withdrawn';

/** One attempt at an operation of a step. `null` is not known, or none. */
export interface AttemptRow {
  readonly step: string;
  readonly op: Operation;
  readonly attempt: number;
  readonly worker: string | null;
  readonly queuedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly outcome: AttemptOutcome;
  readonly error: ErrorData | null;
  readonly backoffUntilMs: number | null;
  readonly idempotencyKey: string;
  readonly traceId: string | null;
  readonly version: number | null;
}

interface Open {
  readonly queuedAtMs: number;
  readonly number: number;
  startedAtMs?: number;
  worker?: string;
}

interface End {
  readonly step: string;
  readonly op: Operation;
  readonly outcome: AttemptOutcome;
  readonly error?: ErrorData;
  readonly attempt?: number | undefined;
  readonly worker?: string | undefined;
  readonly startedAtMs?: number | undefined;
  readonly retryInMs?: number;
}

/** What an event says of the end of an attempt; `undefined`: nothing. */
function endOf({ event }: JournaledEvent): End | undefined {
  switch (event.type) {
    case 'attempt_lost':
      return { ...event.data, outcome: 'lost' };
    case 'attempt_failed':
      return { ...event.data, outcome: event.data.outcome === 'definite' ? 'failed' : 'unknown' };
    case 'step_succeeded':
      return { ...event.data, op: 'run', outcome: 'succeeded' };
    case 'step_failed':
      return { ...event.data, op: 'run', outcome: event.data.outcome === 'definite' ? 'failed' : 'unknown' };
    case 'step_withdrawn':
      return { ...event.data, op: 'run', outcome: 'withdrawn' };
    case 'step_stuck':
      return event.data.unbound === true ? undefined : { ...event.data, op: 'run', outcome: 'unknown' };
    case 'compensation_succeeded':
      return { ...event.data, op: 'compensate', outcome: 'succeeded' };
    case 'compensation_stuck':
      return { ...event.data, op: 'compensate', outcome: 'unknown' };
    case 'confirm_succeeded':
      return { ...event.data, op: 'confirm', outcome: 'succeeded' };
    case 'confirm_stuck':
      return { ...event.data, op: 'confirm', outcome: 'unknown' };
    case 'late_result':
      return { ...event.data, outcome: 'late' };
    default:
      return undefined;
  }
}

/** What an event asks for. */
function issueOf({ event }: JournaledEvent): { readonly step: string; readonly op: Operation } | undefined {
  if (event.type === 'step_issued' && event.data.wait === undefined) return { step: event.data.step, op: 'run' };
  if (event.type === 'compensation_issued') return { step: event.data.step, op: 'compensate' };
  if (event.type === 'confirm_issued') return { step: event.data.step, op: 'confirm' };
  if (event.type === 'retry_requested') return event.data;
  return undefined;
}

/** The attempts that a history tells of, those under way last. */
export function attemptsOf(plan: Plan, id: string, history: readonly JournaledEvent[], traceId: string | null): readonly AttemptRow[] {
  const rows: AttemptRow[] = [];
  const open = new Map<string, Open & { readonly step: string; readonly op: Operation }>();
  const made = new Map<string, number>();
  const keyOf = (step: string, op: Operation): string => `${op} ${step}`;
  const idempotencyKeyOf = (step: string, op: Operation): string => `${id}:${step}:${operationWord(plan, op)}`;
  for (const one of history) {
    const issued = issueOf(one);
    if (issued !== undefined) {
      const { step, op } = issued;
      const number = (made.get(keyOf(step, op)) ?? 0) + 1;
      open.set(keyOf(step, op), { step, op, number, queuedAtMs: one.atMs });
    }
    const { event } = one;
    if (event.type === 'attempt_started') {
      const begun = open.get(keyOf(event.data.step, event.data.op));
      if (begun !== undefined) Object.assign(begun, { startedAtMs: event.data.startedAtMs, worker: event.data.worker });
    }
    const end = endOf(one);
    if (end === undefined) continue;
    const { step, op, outcome, error = null, retryInMs } = end;
    const key = keyOf(step, op);
    const begun = open.get(key);
    // By hand, nobody attempted it.
    const byHand = event.type === 'compensation_succeeded' && event.data.byHand !== undefined;
    if (!byHand) {
      const number = end.attempt ?? begun?.number ?? 1;
      if (outcome !== 'late') made.set(key, Math.max(number, made.get(key) ?? 0));
      // The start is told by the worker's idea of the store's clock, which is off by some milliseconds.
      const startedAtMs = Math.min(one.atMs, end.startedAtMs ?? begun?.startedAtMs ?? Infinity);
      const isKnown = (end.startedAtMs ?? begun?.startedAtMs) !== undefined;
      rows.push({
        step,
        op,
        attempt: number,
        worker: end.worker ?? begun?.worker ?? null,
        queuedAtMs: Math.min(begun?.queuedAtMs ?? startedAtMs, startedAtMs),
        startedAtMs: isKnown ? startedAtMs : null,
        endedAtMs: one.atMs,
        outcome,
        error,
        backoffUntilMs: retryInMs === undefined ? null : one.atMs + retryInMs,
        idempotencyKey: idempotencyKeyOf(step, op),
        traceId,
        version: one.version,
      });
      if (outcome === 'late') continue;
    }
    open.delete(key);
    if (retryInMs !== undefined || outcome === 'lost') {
      open.set(key, { step, op, number: (made.get(key) ?? 0) + 1, queuedAtMs: one.atMs + (retryInMs ?? 0) });
    }
  }
  for (const { step, op, number, queuedAtMs, startedAtMs, worker } of open.values()) {
    const idempotencyKey = idempotencyKeyOf(step, op);
    const rest = { endedAtMs: null, outcome: 'open', error: null, backoffUntilMs: null, idempotencyKey, traceId, version: null } as const;
    rows.push({ step, op, attempt: number, worker: worker ?? null, queuedAtMs, startedAtMs: startedAtMs ?? null, ...rest });
  }
  return rows;
}
