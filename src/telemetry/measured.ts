import type { Attributes } from '@opentelemetry/api';
import type { TransactionEvent } from '../machine/event.ts';
import type { Operation, State } from '../machine/state.ts';
import type { DurationName, Instruments } from './instruments.ts';

const BY_OPERATION: Readonly<Record<Operation, DurationName>> = {
  run: 'attempt',
  compensate: 'compensation',
  confirm: 'confirmation',
};

const MOST_ATTRIBUTES = 5_000;
const attributes = new Map<string, Attributes>();

/** One object for each combination: making it costs as much as counting with it. */
function attributesOf(names: readonly [string, string] | readonly [string, string, string], values: readonly string[]): Attributes {
  const key = values.join('\n');
  let known = attributes.get(key);
  if (known === undefined) {
    if (attributes.size >= MOST_ATTRIBUTES) attributes.clear();
    known = Object.fromEntries(names.map((name, place) => [name, values[place]!]));
    attributes.set(key, known);
  }
  return known;
}

const OF_SAGA = ['amends.saga', 'amends.kind'] as const;
const OF_END = ['amends.saga', 'amends.outcome'] as const;
const OF_STEP = ['amends.saga', 'amends.step', 'amends.outcome'] as const;
const OF_LOSS = ['amends.saga', 'amends.step', 'amends.lost'] as const;

function attemptEnded(
  all: readonly Instruments[],
  state: State,
  { step, startedAtMs }: { readonly step: string; readonly startedAtMs?: number | undefined },
  { op, outcome, nowMs }: { readonly op: Operation; readonly outcome: string; readonly nowMs: number },
): void {
  if (startedAtMs === undefined) return; // no attempt ended it
  const name = BY_OPERATION[op];
  for (const instruments of all) instruments.took(name, nowMs - startedAtMs, attributesOf(OF_STEP, [state.saga, step, outcome]));
}

/** Counts what these events tell. `state` is the one they led to. */
export function measure(
  all: readonly Instruments[],
  state: State,
  wasStuck: boolean,
  events: readonly TransactionEvent[],
  nowMs: number,
): void {
  for (const event of events) {
    switch (event.type) {
      case 'saga_started':
        for (const instruments of all) instruments.count('started', attributesOf(OF_SAGA, [state.saga, state.kind ?? 'saga']));
        break;
      case 'step_succeeded':
        attemptEnded(all, state, event.data, { op: 'run', outcome: 'succeeded', nowMs });
        break;
      case 'compensation_succeeded':
        attemptEnded(all, state, event.data, { op: 'compensate', outcome: 'succeeded', nowMs });
        break;
      case 'confirm_succeeded':
        attemptEnded(all, state, event.data, { op: 'confirm', outcome: 'succeeded', nowMs });
        break;
      case 'attempt_failed':
        attemptEnded(all, state, event.data, { op: event.data.op, outcome: 'retried', nowMs });
        break;
      case 'step_failed':
        attemptEnded(all, state, event.data, { op: 'run', outcome: 'failed', nowMs });
        break;
      case 'step_stuck':
        attemptEnded(all, state, event.data, { op: 'run', outcome: 'stuck', nowMs });
        break;
      case 'compensation_stuck':
        attemptEnded(all, state, event.data, { op: 'compensate', outcome: 'stuck', nowMs });
        break;
      case 'confirm_stuck':
        attemptEnded(all, state, event.data, { op: 'confirm', outcome: 'stuck', nowMs });
        break;
      case 'attempt_lost': {
        const { step, jobLost } = event.data;
        const what = attributesOf(OF_LOSS, [state.saga, step, jobLost === true ? 'job' : 'worker']);
        for (const instruments of all) instruments.count('lost', what);
        break;
      }
      case 'saga_completed':
      case 'saga_compensated':
      case 'tcc_confirmed':
      case 'tcc_cancelled':
      case 'saga_terminated': {
        const what = attributesOf(OF_END, [state.saga, state.status]);
        for (const instruments of all) {
          instruments.count('ended', what);
          if (state.startedAtMs !== undefined) instruments.took('transaction', nowMs - state.startedAtMs, what);
        }
        break;
      }
      default:
    }
  }
  if (state.status === 'stuck' && !wasStuck) {
    for (const instruments of all) instruments.count('stuck', attributesOf(OF_SAGA, [state.saga, state.kind ?? 'saga']));
  }
}
