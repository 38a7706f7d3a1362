import type { Plan } from '../flows/plan.ts';
import { DUE, operationIn, stepState, STUCK, type JobOperation, type State } from '../machine/state.ts';
import { operationJob, rootJob } from '../queues/advance.ts';
import type { JobPlace, QueuePort } from '../queues/queue-port.ts';

/** A job in Bull Board. */
export interface JobLinkRow {
  readonly step: string | null;
  readonly op: 'root' | JobOperation;
  readonly queue: string;
  readonly jobId: string;
  /** Relative to where the console is mounted. */
  readonly url: string;
}

/** Where a queue is in Bull Board. */
export function queueUrl(nameInShard: string): string {
  return `queues/queue/${encodeURIComponent(nameInShard)}`;
}

function linkTo(queues: Pick<QueuePort, 'nameInShard'>, step: string | null, op: JobLinkRow['op'], place: JobPlace): JobLinkRow {
  const { queue, jobId } = place;
  return { step, op, queue, jobId, url: `${queueUrl(queues.nameInShard(place))}/${encodeURIComponent(jobId)}` };
}

/** The jobs that a transaction has had. Those that have finished are kept for a while only. */
export function jobLinksOf(queues: Pick<QueuePort, 'nameInShard'>, plan: Plan, state: State): JobLinkRow[] {
  const links = [linkTo(queues, null, 'root', rootJob(state))];
  for (const step of plan.stages.flat()) {
    const status = stepState(state, step)?.status;
    if (status === undefined || status === 'skipped') continue;
    const now = operationIn(status, DUE) ?? operationIn(status, STUCK) ?? 'run';
    const ops: JobOperation[] = ['run'];
    if (now === 'compensate' || status === 'compensated' || status === 'compensation_skipped') ops.push('compensate');
    if (now === 'confirm' || status === 'confirmed' || status === 'confirm_skipped') ops.push('confirm');
    for (const op of ops) links.push(linkTo(queues, step, op, operationJob(plan, state.id, step, op)));
  }
  return links;
}
