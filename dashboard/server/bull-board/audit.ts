import type { RequestHandler } from 'express';
import { operationIn, stepState, STUCK } from '../../../src/machine/state.ts';
import { retry } from '../../../src/producers/control.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import { transactionOfJob } from '../../../src/queues/names.ts';
import type { Access } from '../access.ts';

const RETRY = /^\/api\/queues\/[^/]+\/([^/]+)\/retry$/;

/**
 * Retry on the job of a stuck operation is an act on its transaction: it is done as such, so that the history says who did it. Every other one is
 * left to Bull Board.
 */
export function auditRetry(engine: Engine, access: Access): RequestHandler {
  return async (request, response, next) => {
    const [, encoded] = request.method === 'PUT' ? (RETRY.exec(request.path) ?? []) : [];
    if (encoded === undefined) {
      next();
      return;
    }
    const id = transactionOfJob(decodeURIComponent(encoded));
    const state = id === undefined ? undefined : await engine.transactions.load(id);
    const step = decodeURIComponent(encoded).split('.').at(-1) ?? '';
    const status = state === undefined ? undefined : stepState(state, step)?.status;
    if (state === undefined || status === undefined || operationIn(status, STUCK) === undefined) {
      next();
      return;
    }
    await retry(engine, state.id, { by: access.actorOf(request).name, reason: 'Retry in Bull Board' });
    response.status(204).end();
  };
}
