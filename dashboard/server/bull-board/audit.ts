import type { Job } from 'bullmq';
import { isAmendsError } from '../../../src/errors.ts';
import { operationIn, stepState, STUCK, type State } from '../../../src/machine/state.ts';
import { retry } from '../../../src/producers/control.ts';
import { operatorRules, type Engine } from '../../../src/producers/engine.ts';
import { stepOfRoot } from '../../../src/queues/advance.ts';
import { stepInJob } from '../../../src/queues/hosts.ts';
import { transactionOfJob, transactionOfRoot } from '../../../src/queues/names.ts';
import { whoAsks } from './asked.ts';

/** The step whose stuck operation the job is for. */
async function stuckIn(engine: Engine, state: State, jobId: string): Promise<string | undefined> {
  if (transactionOfRoot(jobId) !== undefined) {
    const step = stepOfRoot((await operatorRules(engine, state)).plan, state);
    return step !== undefined && stepState(state, step)?.status === STUCK.run ? step : undefined;
  }
  const [[op], named] = [jobId.split('.', 1), jobId.slice(jobId.lastIndexOf('.') + 1)];
  const inGroup = op === 'run' ? stepInJob((await operatorRules(engine, state)).plan, state, named) : undefined;
  const step = inGroup ?? named;
  const status = stepState(state, step)?.status;
  return status !== undefined && operationIn(status, STUCK) === op ? step : undefined;
}

/** Tries again what the job is for, if it is stuck. `false`: it is not. */
async function retryStuck(engine: Engine, jobId: string): Promise<boolean> {
  const id = transactionOfJob(jobId);
  const state = id === undefined ? undefined : await engine.transactions.load(id);
  const step = state && (await stuckIn(engine, state, jobId));
  if (state === undefined || step === undefined) return false;
  const { access, request } = whoAsks();
  try {
    await retry(engine, state.id, { step, by: access.actorOf(request).name, reason: 'Retry in Bull Board' });
  } catch (error) {
    if (!isAmendsError(error, 'NOT_ALLOWED')) throw error; // somebody else did it meanwhile
  }
  return true;
}

/**
 * Retry on the job of a stuck operation, alone or as one of all that failed, is an act on its transaction: it is done as such, so that the history
 * says who did it. Every other one is left to the queue.
 */
export function auditRetry(engine: Engine, job: Job): Job {
  const retryInQueue = job.retry.bind(job);
  job.retry = async (...args) => {
    if (!(await retryStuck(engine, job.id ?? ''))) await retryInQueue(...args);
  };
  return job;
}
