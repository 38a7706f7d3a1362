import { expect } from 'vitest';
import { engineOf, type Amends } from '../../../src/amends.ts';
import { withBarrier } from '../../../src/barrier/index.ts';
import { StepFailed } from '../../../src/errors.ts';
import { implement } from '../../../src/flows/implement.ts';
import { implementResource, resource } from '../../../src/flows/resource.ts';
import { saga } from '../../../src/flows/saga.ts';
import { step } from '../../../src/flows/step.ts';
import { tcc } from '../../../src/flows/tcc.ts';
import { operationJob, rootJob } from '../../../src/queues/advance.ts';
import { eventually } from '../../support/eventually.ts';
import type { Ledger } from './ledger.ts';
import { crashDefinition, type Scenario } from './orders.mjs';
import { endOf, judgeOne } from './verdict.ts';

/** A saga whose process is dead. */
export interface Left {
  readonly saga: string;
  readonly id: string;
  readonly order: Scenario;
  /** How it ends when nobody dies. */
  readonly expected: object;
}

type Defined = ReturnType<typeof crashDefinition>;

export function define({ saga: name, order }: Pick<Left, 'saga' | 'order'>, ledger: Ledger): Defined {
  const api = { saga, step, implement, StepFailed, withBarrier, resource, tcc, implementResource };
  return crashDefinition(api, order, name, ledger.pool);
}

const RECOVERY = { concurrency: 8, lockMs: 5_000, stallCheckMs: 500, sweepEveryMs: 500, overdueAfterMs: 1_000, graceMs: 20 };
/** Patient: the sagas of a batch share one process, and the machine may be busy with other things. */
const PATIENCE = { timeoutMs: 60_000, everyMs: 200 };
/** Looking at all jobs of a saga is many requests. */
const JOBS = { timeoutMs: 20_000, everyMs: 1_000 };

/** The jobs of one saga that are not over: where each is. */
async function openJobs(amends: Amends, { plan }: Defined['saga'], left: Left): Promise<Readonly<Record<string, unknown>>> {
  const { queues } = engineOf(amends);
  const open: Record<string, unknown> = {};
  const root = await queues.stateOf(rootJob(left));
  if (root !== 'completed') open['root'] = root;
  for (const name of Object.keys(plan.steps)) {
    for (const op of ['run', 'compensate', 'confirm'] as const) {
      const job = operationJob(plan, left.id, name, op);
      const state = await queues.stateOf(job);
      // An action that failed stays in `failed`, where a person sees it.
      if (state !== 'missing' && state !== 'completed' && !(state === 'failed' && op === 'run')) open[job.jobId] = state;
    }
  }
  for (const queue of new Set([
    rootJob(left).queue,
    ...Object.keys(plan.steps).map((name) => operationJob(plan, left.id, name, 'run').queue),
  ])) {
    const counts = await queues.bullQueue(queue).getJobCounts('active', 'waiting', 'waiting-children', 'delayed', 'prioritized');
    for (const [state, count] of Object.entries(counts)) if (count > 0) open[`${state} in ${queue}`] = count;
  }
  return open;
}

function start(amends: Amends, { saga: definition }: Defined, { id, order }: Pick<Left, 'id' | 'order'>) {
  return definition.kind === 'saga' ? amends.start(definition, { order }, { id }) : amends.start(definition, { order }, { id });
}

/** Tells what is wrong with one of those that were left, when all had the time to end. */
async function problemOf(amends: Amends, defined: Defined, left: Left, ledger: Ledger): Promise<unknown> {
  const { journal } = engineOf(amends);
  try {
    const judged = async (): Promise<ReturnType<typeof endOf>> =>
      endOf(judgeOne(defined.saga, left.id, await journal.read(left.id), await ledger.effects(left.id)));
    const end = await judged();
    // Without a verdict at its recovery a TCC is cancelled, whatever it would have come to.
    if (defined.saga.kind === 'saga' || end.status !== 'cancelled') expect(end).toEqual(left.expected);
    await eventually(async () => expect(await openJobs(amends, defined.saga, left)).toEqual({}), JOBS);
    // A caller who never got his answer asks again: the same run, and nothing moves.
    const run = await start(amends, defined, left);
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe(end.status);
    expect(await judged()).toEqual(end);
    expect(await openJobs(amends, defined.saga, left)).toEqual({});
    return undefined;
  } catch (error) {
    const history = (await journal.read(left.id)).map(({ event }) =>
      [event.type, (event.data as { step?: string }).step].filter(Boolean).join(' '),
    );
    const jobs = await openJobs(amends, defined.saga, left).catch(String);
    return new Error(`${String(error)}\n  history: ${history.join(', ')}\n  jobs: ${JSON.stringify(jobs)}`);
  }
}

/**
 * Carries all that was left in one store to its end, with one worker, and judges it. Nobody starts again what the journal has: that is the
 * sweeper's. Gives the problems, by id.
 */
export async function recover(amends: Amends, lefts: readonly Left[], ledger: Ledger): Promise<ReadonlyMap<string, unknown>> {
  const { journal } = engineOf(amends);
  const defined = new Map(lefts.map((left) => [left.id, define(left, ledger)]));
  const problems = new Map<string, unknown>();
  const known = new Set((await journal.summaries([...defined.keys()])).map(({ id }) => id));
  for (const { id, order } of lefts) {
    if (known.has(id)) continue;
    if ((await ledger.effects(id)).length > 0) problems.set(id, new Error('it had effects before it was in the journal'));
    await start(amends, defined.get(id)!, { id, order });
  }
  const worker = amends.worker({
    sagas: [...defined.values()].map((one) => one.saga),
    implementations: [...defined.values()].flatMap((one) => one.implementations),
    ...RECOVERY,
  });
  await worker.run();
  await eventually(async () => {
    const open = (await journal.summaries([...defined.keys()])).filter(
      ({ endedAtMs, status }) => endedAtMs === undefined && status !== 'stuck',
    );
    expect(open).toEqual([]);
  }, PATIENCE).catch(() => undefined); // each tells what became of it
  await Promise.all(
    lefts.map(async (left) => {
      const problem = await problemOf(amends, defined.get(left.id)!, left, ledger);
      if (problem !== undefined && !problems.has(left.id)) problems.set(left.id, problem);
    }),
  );
  await worker.close();
  return problems;
}
