import type { Plan, PlanStep } from '../flows/plan.ts';
import type { JobOperation } from '../machine/state.ts';

/** The queue of a saga's root jobs, and of its inline steps. */
export function sagaQueue(saga: string): string {
  return `saga-${saga}`;
}

/** The queue that a service's workers take steps and compensations from. */
export function serviceQueue(service: string): string {
  return `service-${service}`;
}

export function queueOfStep(plan: Pick<Plan, 'name'>, step: Pick<PlanStep, 'service'>): string {
  return step.service === null ? sagaQueue(plan.name) : serviceQueue(step.service);
}

/** All queues that transactions of this plan use, the root's first. */
export function queuesOfPlan(plan: Plan): readonly string[] {
  return [...new Set([sagaQueue(plan.name), ...Object.values(plan.steps).map((step) => queueOfStep(plan, step))])];
}

/**
 * BullMQ refuses `:` in a job id and takes all-digit ids for its own; the prefix and the escape keep ours clear of both. Escaped with `!`,
 * which no transaction's id has: Bull Board's pages decode a `%` in a job id once too often and then don't find the job.
 */
function escapeId(id: string): string {
  if (/^[\w.-]*$/.test(id)) return id; // nothing to escape in a UUID
  return encodeURIComponent(id).replaceAll('%', '!');
}

const ROOT = 'root.';

export function rootJobId(id: string): string {
  return `${ROOT}${escapeId(id)}`;
}

function unescapeId(text: string): string | undefined {
  if (!text.includes('!')) return text;
  try {
    return decodeURIComponent(text.replaceAll('!', '%'));
  } catch {
    return undefined;
  }
}

/** The transaction of a root job; `undefined` for the id of another job. */
export function transactionOfRoot(jobId: string): string | undefined {
  return jobId.startsWith(ROOT) ? unescapeId(jobId.slice(ROOT.length)) : undefined;
}

/** The transaction of any job of ours; `undefined` for another's id. */
export function transactionOfJob(jobId: string): string | undefined {
  if (jobId.startsWith(ROOT)) return transactionOfRoot(jobId);
  const [first, last] = [jobId.indexOf('.'), jobId.lastIndexOf('.')];
  return first < last ? unescapeId(jobId.slice(first + 1, last)) : undefined;
}

/** Derived from the transaction, so that adding the same job twice is harmless. Step names have no `.`, so ids can't collide. */
export function operationJobId(id: string, step: string, op: JobOperation): string {
  return `${op}.${escapeId(id)}.${step}`;
}
