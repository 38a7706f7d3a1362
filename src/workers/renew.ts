import { stepOf } from '../flows/plan.ts';
import type { Fact } from '../machine/fact.ts';
import { mayRenew, renewAtMs } from '../machine/renewal.ts';
import { stepState, type State } from '../machine/state.ts';
import { LONGEST_DELAY_MS } from '../queues/job-options.ts';
import type { Verdict } from '../queues/queue-port.ts';
import { carryOut, type CarryOutOptions } from './carry-out.ts';
import type { DueOperation } from './operation.ts';

/** After a renewal that failed in a way that says nothing it is tried again this much later, in milliseconds. */
const AGAIN_MS = 1_000;

export interface Renewal {
  readonly nowMs: number;
  readonly options: CarryOutOptions;
  /** Gives the state that follows. */
  readonly record: (fact: Fact) => Promise<State>;
}

/** When a renewal is due; `undefined`: none is any more. */
export function nextRenewal({ rules, state, name }: Pick<DueOperation, 'rules' | 'state' | 'name'>, nowMs: number): Verdict | undefined {
  if (!mayRenew(rules.plan, state, name)) return { kind: 'done', value: null };
  const afterMs = renewAtMs(rules.plan, state, name) - nowMs;
  return afterMs > 0 ? { kind: 'postpone', afterMs: Math.min(afterMs, LONGEST_DELAY_MS) } : undefined;
}

/** Prolongs a hold while there is no verdict. One that can't be prolonged cancels the TCC, before it runs out unnoticed. */
export async function renew(due: DueOperation<'renew'>, { nowMs, options, record }: Renewal): Promise<Verdict> {
  const { rules, name } = due;
  const expiresAtMs = nowMs + (stepOf(rules.plan, name).hold?.forMs ?? 0);
  const carried = await carryOut({ ...due, renewUntilMs: expiresAtMs }, options);
  if (carried.kind === 'given up') return { kind: 'postpone', afterMs: 1 };
  if (carried.kind === 'failed' && carried.retryable && carried.outcome === 'unknown') return { kind: 'postpone', afterMs: AGAIN_MS };
  const fact: Fact =
    carried.kind === 'failed' ? { type: 'renewal_failed', step: name, error: carried.error } : { type: 'renewed', step: name, expiresAtMs };
  const state = await record(fact);
  return stepState(state, name) === undefined
    ? { kind: 'done', value: null }
    : (nextRenewal({ rules, state, name }, nowMs) ?? { kind: 'postpone', afterMs: AGAIN_MS });
}
