import type { BeforeHook } from '@bull-board/api/typings/app';

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

/** Refuses, on the server, what would lose a transaction, and says why. */
export const guardActions: BeforeHook = ({ method, route }) => {
  if (isAllowed(method, route)) return { allow: true };
  return { allow: false, status: 403, message: REASONS[`${method} ${route}`] ?? "That can't be done to the queues of sagas." };
};
