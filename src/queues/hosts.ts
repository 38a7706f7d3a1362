import { fusedGroupOf } from '../flows/fused.ts';
import type { Plan } from '../flows/plan.ts';
import { DUE, stepState, STUCK, type State } from '../machine/state.ts';
import type { JobPlace, OperationJob, QueuePort, RootJob } from './queue-port.ts';

/** The step that is due in the job of this one's fused group, or that is stuck in it. */
export function stepInJob(plan: Plan, state: State, step: string): string | undefined {
  for (const name of fusedGroupOf(plan, step)?.steps ?? []) {
    const status = stepState(state, name)?.status;
    if (status === DUE.run || status === STUCK.run) return name;
  }
  return undefined;
}

/** The job of a fused group while a delivery of it is in work: a step that comes due in it by what this delivery records needs no other. */
export class JobInHand {
  readonly #jobId: string;
  #next: string | undefined;

  constructor(jobId: string) {
    this.#jobId = jobId;
  }

  /** Leaves the step to this delivery, if it is run in its job. */
  takes({ jobId }: JobPlace, step: string): boolean {
    if (jobId !== this.#jobId) return false;
    this.#next = step;
    return true;
  }

  /** The step that was left to it last. */
  get next(): string | undefined {
    return this.#next;
  }
}

/** Whether the job of an action may have been there before, for the steps ahead of it in its group. */
export function isInsideGroup(plan: Plan, { op, step }: OperationJob['message']): boolean {
  if (plan.fuse !== true || op !== 'run') return false;
  const group = fusedGroupOf(plan, step);
  return group !== undefined && group.steps[0] !== step;
}

/** Delivers the job of a group in whose middle a step came due while nobody had the job in hand: it may be over, and kept. */
export async function deliverAgain(queues: QueuePort, job: OperationJob, root: RootJob): Promise<void> {
  const found = await queues.stateOf(job);
  if (found === 'failed') return void (await queues.retry(job));
  if (found === 'completed') await queues.discard(job);
  await queues.addChild(job, root);
}
