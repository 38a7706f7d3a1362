import { appRoutes } from '@bull-board/api/dist/routes.js';
import { expect, test } from 'vitest';
import { isAllowed } from '../../dashboard/server/bull-board/actions.ts';

// When this is red after an update of Bull Board, it has a new action: decide whether it can lose a transaction.
test('every action of Bull Board is either carried out or refused on purpose', () => {
  const actions = appRoutes.api.flatMap(({ method, route }) =>
    [method].flat().flatMap((method) => [route].flat().map((route) => ({ method, route, action: `${method} ${route}` }))),
  );
  const refused = actions.filter(({ method, route }) => !isAllowed(method, route)).map(({ action }) => action);
  expect(refused.sort()).toEqual([
    'patch /api/queues/:queueName/:jobId/update-data',
    'patch /api/queues/:queueName/job-schedulers/:schedulerId',
    'post /api/queues/:queueName/add',
    'put /api/queues/:queueName/:jobId/clean',
    'put /api/queues/:queueName/:jobId/remove-unprocessed-children',
    'put /api/queues/:queueName/clean/:queueStatus',
    'put /api/queues/:queueName/empty',
    'put /api/queues/:queueName/job-schedulers/:schedulerId/remove',
    'put /api/queues/:queueName/job-schedulers/:schedulerId/run',
    'put /api/queues/:queueName/obliterate',
  ]);
  const allowed = actions.filter(({ method, route }) => method !== 'get' && isAllowed(method, route)).map(({ action }) => action);
  expect(allowed.sort()).toEqual([
    'patch /api/queues/:queueName/:jobId/delay',
    'patch /api/queues/:queueName/:jobId/priority',
    'put /api/queues/:queueName/:jobId/promote',
    'put /api/queues/:queueName/:jobId/retry',
    'put /api/queues/:queueName/concurrency',
    'put /api/queues/:queueName/pause',
    'put /api/queues/:queueName/promote',
    'put /api/queues/:queueName/rate-limit',
    'put /api/queues/:queueName/rate-limit/release',
    'put /api/queues/:queueName/resume',
    'put /api/queues/:queueName/retry/:queueStatus',
    'put /api/queues/pause',
    'put /api/queues/resume',
  ]);
});
