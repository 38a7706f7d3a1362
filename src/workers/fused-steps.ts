import { fusedGroupOf } from '../flows/fused.ts';
import type { Plan } from '../flows/plan.ts';
import { isTerminal, stepState, STUCK, type State } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { JobInHand, stepInJob } from '../queues/hosts.ts';
import type { Verdict } from '../queues/queue-port.ts';
import { LazyLog } from '../telemetry/lazy-log.ts';
import type { StorePatience } from './store-patience.ts';
import type { Work } from './work.ts';

export interface FusedOptions {
  readonly engine: Engine;
  readonly patience: StorePatience;
  /** Fires when the worker is being closed. */
  readonly closing: AbortSignal;
  /** Carries out one step, as if the job were that step's alone. */
  readonly process: (work: Work) => Promise<Verdict>;
  /** How the job of a step ends that is settled, or stuck. */
  readonly settled: (work: Work, state: State) => Promise<Verdict>;
}

/** A resume delivers at once what was put off; this is for one that got lost. */
const PAUSE_MS = 5_000;
/** Time for the one who goes on with the job to end what it has begun. */
const ELSEWHERE_MS = 5_000;

/** Where none is due: the one that failed says how the job ended. */
function settledIn(plan: Plan, state: State, step: string): string {
  const steps = fusedGroupOf(plan, step)?.steps ?? [];
  return steps.find((name) => stepState(state, name)?.status === 'failed') ?? step;
}

/** It is paused, and there is more of the group to come when it is resumed. */
function isHeld(plan: Plan, state: State, step: string): boolean {
  const last = fusedGroupOf(plan, step)?.steps.at(-1);
  return state.paused !== undefined && state.direction === 'forward' && last !== undefined && stepState(state, last) === undefined;
}

/**
 * Carries out what is due in the job of a fused group, and then what its own records make due in it, one step after the other.
 *
 * What the job counts as failures is the group's. Those that came before a step was due are kept in the job when it is, so that an attempt which
 * ended without a record is known from them. A worker that dies before it has kept that leaves a step that looks begun and is not: it is then
 * asked about, or tried again, as one whose outcome is unknown. The other way round can't be.
 */
export async function carryOutFused(first: Work, { engine, patience, closing, process, settled }: FusedOptions): Promise<Verdict> {
  const { state, delivery, op } = first;
  const { plan } = first.rules;
  const { id } = state;
  let before = delivery.failures - first.failures;
  const countFrom = async (failures: number): Promise<void> => {
    if (failures !== before) await patience.wait(delivery.keep({ before: failures }));
    before = failures;
  };

  const name = stepInJob(plan, state, first.name) ?? settledIn(plan, state, first.name);
  // However many deliveries ended without a record, it is one attempt that is lost.
  const most = (stepState(state, name)?.attemptsEver ?? 0) + 1;
  if (first.failures > most) await countFrom(delivery.failures - most);
  const { rules, job } = first;
  // Written out, like states: what is spread takes far longer, and here it is done with each step.
  const at = (of: State, due: string, log: LazyLog, failures: number, recovered: boolean): Work & { readonly inHand: JobInHand } => {
    const inHand = new JobInHand(delivery.jobId);
    return { rules, state: of, name: due, op, job, log, delivery, failures, recovered, inHand };
  };
  let work = at(state, name, first.log, delivery.failures - before, first.recovered);
  for (;;) {
    const { inHand } = work;
    const verdict = await process(work);
    if (verdict.kind !== 'done') return verdict;
    const now = engine.transactions.known(id) ?? (await patience.wait(engine.transactions.load(id)));
    const due = now && stepInJob(plan, now, work.name);
    if (now === undefined || isTerminal(now) || (due === undefined && !isHeld(plan, now, work.name))) return verdict;
    if (due === undefined) {
      await countFrom(delivery.failures);
      return { kind: 'postpone', afterMs: PAUSE_MS };
    }
    if (stepState(now, due)?.status === STUCK.run) {
      // Its mapper failed. That this delivery ends so is no attempt of it.
      await countFrom(delivery.failures + 1);
      return settled({ ...work, name: due }, now);
    }
    // Not by what was recorded here: another delivery of this job is at it, because one of the two workers was taken for dead.
    if (due !== inHand.next || due === work.name)
      return { kind: 'again', afterMs: ELSEWHERE_MS, error: new Error(`another worker is at step ${due}`) };
    await countFrom(delivery.failures);
    // Nothing of it has begun: whoever goes on has it at once.
    if (closing.aborted) return { kind: 'postpone', afterMs: 1 };
    work = at(now, due, new LazyLog(engine.log, { transaction: id, step: due, op }), 0, false);
  }
}
