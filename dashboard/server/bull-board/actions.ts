import type { BeforeHook, JobStatus } from '@bull-board/api/typings/app';
import type { Engine } from '../../../src/producers/engine.ts';
import { transactionOfJob } from '../../../src/queues/names.ts';
import type { DashboardAction } from '../access.ts';
import { whoAsks } from './asked.ts';

/** What an operator may do: nothing here can lose a job, and whatever a retried job finds, the journal decides. */
const ALLOWED: ReadonlySet<string> = new Set([
  'put /api/queues/pause',
  'put /api/queues/resume',
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/:queueName/concurrency',
  'put /api/queues/:queueName/rate-limit',
  'put /api/queues/:queueName/rate-limit/release',
  'put /api/queues/:queueName/promote',
  'put /api/queues/:queueName/retry/:queueStatus',
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/:jobId/promote',
  'patch /api/queues/:queueName/:jobId/delay',
  'patch /api/queues/:queueName/:jobId/priority',
]);

const INSTEAD = 'its transaction would go on as if the step had been done. Cancel the transaction instead: amends cancel <id>.';

const REASONS: Readonly<Record<string, string>> = {
  'put /api/queues/:queueName/:jobId/clean': `A job of a saga can't be removed: ${INSTEAD}`,
  'put /api/queues/:queueName/clean/:queueStatus': `Jobs of sagas can't be removed: of each, ${INSTEAD} Finished jobs go by themselves.`,
  'put /api/queues/:queueName/empty': `A saga queue can't be emptied: of each job, ${INSTEAD}`,
  'put /api/queues/:queueName/obliterate': `A saga queue can't be obliterated: of each job, ${INSTEAD}`,
  'put /api/queues/:queueName/:jobId/remove-unprocessed-children': `The children of a saga's job can't be removed: ${INSTEAD}`,
  'patch /api/queues/:queueName/:jobId/update-data':
    "The data of a saga's job can't be changed: it names the transaction, whose inputs and results are in the journal.",
  'post /api/queues/:queueName/add':
    "A job can't be added or copied here: start the saga (amends start), and its jobs follow from the journal.",
};

/** Whether this request to Bull Board's API is carried out. A route that a later version brings is refused until it is named above. */
export function isAllowed(method: string, route: string): boolean {
  return method === 'get' || ALLOWED.has(`${method} ${route}`);
}

const RETRY = 'put /api/queues/:queueName/:jobId/retry';
/** What is done to all jobs of a queue in a state, by its route. */
const TO_ALL: Readonly<Record<string, JobStatus>> = {
  'put /api/queues/:queueName/retry/:queueStatus': 'failed',
  'put /api/queues/:queueName/promote': 'delayed',
};
const PAGE = 200;

type Asked = Parameters<BeforeHook>[0];

/** The first of these transactions that it may not be done to. */
async function refusedOf(engine: Engine, { method, route }: Asked, jobIds: readonly string[]): Promise<string | undefined> {
  const { access, request } = whoAsks();
  const action = `${method} ${route}`;
  const wanted: DashboardAction[] =
    method === 'get' ? ['view'] : action === RETRY || TO_ALL[action] === 'failed' ? ['queue', 'retry'] : ['queue'];
  for (const transaction of await engine.journal.summaries(jobIds.flatMap((id) => transactionOfJob(id) ?? []))) {
    for (const one of wanted) if (!(await access.may(request, one, transaction))) return transaction.id;
  }
  return undefined;
}

/** The transaction that stands against what is asked for. */
async function refusedIn(engine: Engine, asked: Asked): Promise<string | undefined> {
  const { method, route, request } = asked;
  const { jobId, queueName = '' } = request.params as { readonly jobId?: string; readonly queueName?: string };
  if (jobId !== undefined) return refusedOf(engine, asked, [jobId]);
  const state = TO_ALL[`${method} ${route}`];
  const queue = request.queues.get(queueName);
  if (state === undefined || queue === undefined) return undefined;
  const { [state]: count = 0 } = await queue.getJobCounts();
  for (let from = 0; from < count; from += PAGE) {
    const jobs = await queue.getJobs([state], from, from + PAGE - 1);
    const refused = await refusedOf(
      engine,
      asked,
      jobs.map((job) => String(job.toJSON().id ?? '')),
    );
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Refuses, on the server, what would lose a transaction, and what may not be done to one; and says why. */
export function guardActions(engine: Engine): BeforeHook {
  return async (asked) => {
    const { method, route } = asked;
    if (!isAllowed(method, route)) {
      return { allow: false, status: 403, message: REASONS[`${method} ${route}`] ?? "That can't be done to the queues of sagas." };
    }
    const refused = whoAsks().access.isByTransaction ? await refusedIn(engine, asked) : undefined;
    if (refused === undefined) return { allow: true };
    return { allow: false, status: 403, message: `You may not do that to transaction ${refused}.` };
  };
}
