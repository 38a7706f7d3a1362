import type { Recorded } from '../journal/transactions.ts';
import { errorFrom } from '../machine/error-data.ts';
import type { AttemptFacts } from '../machine/event.ts';
import type { Fact } from '../machine/fact.ts';
import { DUE, stepState, STUCK } from '../machine/state.ts';
import type { Verdict } from '../queues/queue-port.ts';
import type { Carried } from './carry-out.ts';
import type { DueOperation } from './operation.ts';

/** An attempt that came to an end here. */
type Ended = Exclude<Carried, { kind: 'given up' }>;

const LOOK_AGAIN_MS = 1_000;

/** What the machine is told of an attempt. */
export function factOf(carried: Ended, { name, op }: DueOperation, facts: AttemptFacts, nowMs: number): Fact {
  if (carried.kind === 'failed') {
    const { error, outcome, retryable } = carried;
    return { type: 'attempt_failed', step: name, op, error, outcome, retryable, random: Math.random(), nowMs, ...facts };
  }
  if (op !== 'run') return { type: op === 'confirm' ? 'confirmed' : 'compensated', step: name, ...facts };
  return { type: 'succeeded', step: name, result: carried.result, ...(carried.verified ? { verified: true } : {}), ...facts };
}

/** What the queue is told of it, by what is on record. `takeUp`: for a job that has arrived among the failed ones. */
export function verdictOf(carried: Ended, { events, state }: Recorded, { name, op }: DueOperation, takeUp: () => Promise<void>): Verdict {
  if (carried.kind === 'succeeded') return { kind: 'done', value: null };
  const error = errorFrom(carried.error);
  const retried = events.find(({ type }) => type === 'attempt_failed');
  if (retried?.type === 'attempt_failed') return { kind: 'again', afterMs: retried.data.retryInMs, error };
  const status = stepState(state, name)?.status;
  if (status === DUE[op]) return { kind: 'again', afterMs: LOOK_AGAIN_MS, error }; // told twice: what is on record decides
  return status === STUCK[op] ? { kind: 'failed', error, afterwards: takeUp } : { kind: 'failed', error };
}
