import { LRUCache } from 'lru-cache';
import type { Plan, PlanStep } from '../flows/plan.ts';
import type { Operation } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { queueOfStep, queuesOfPlan, sagaQueue } from '../queues/names.ts';
import { workersOf } from '../workers/serving.ts';
import { queueUrl } from './job-links.ts';
import { plansOf } from './plans.ts';

/** A step as a queue's workers know it. */
interface ServedStep {
  readonly saga: string;
  readonly definitionVersion: number;
  readonly step: string;
  readonly ops: Operation[];
}

/** A queue that plans need, over all shards. `null` is none, or not known. */
interface QueueRow {
  readonly name: string;
  readonly service: string | null;
  readonly saga: string | null;
  readonly paused: boolean;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly waitingChildren: number;
  readonly urls: string[];
  readonly steps: ServedStep[];
  readonly workers: number | null;
  readonly workerNames: string[];
}

interface UnservedStep {
  readonly saga: string;
  readonly step: string;
  readonly service: string | null;
  readonly queue: string;
  readonly waiting: number;
  readonly text: string;
}

export interface ServicesFound {
  readonly queues: QueueRow[];
  readonly unserved: UnservedStep[];
  readonly knowsWorkers: boolean;
  readonly nowMs: number;
}

function operationsOf({ kind, wait }: PlanStep): Operation[] {
  if (wait !== undefined) return ['run'];
  if (kind === 'reservation') return ['run', 'confirm', 'compensate'];
  return kind === 'compensatable' ? ['run', 'compensate'] : ['run'];
}

async function lookAt(engine: Engine, name: string, plans: readonly Plan[]): Promise<QueueRow> {
  const shards = engine.queues.inShards(name);
  const [counts, paused, workers] = await Promise.all([
    Promise.all(shards.map(({ queue }) => queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed', 'waiting-children'))),
    Promise.all(shards.map(({ queue }) => queue.isPaused())),
    workersOf(engine, name),
  ]);
  const sum = (...types: readonly string[]): number =>
    counts.reduce((all, some) => all + types.reduce((n, type) => n + (some[type] ?? 0), 0), 0);
  const steps = plans.flatMap((plan) =>
    Object.values(plan.steps)
      .filter((step) => queueOfStep(plan, step) === name)
      .map((step): ServedStep => ({ saga: plan.name, definitionVersion: plan.version, step: step.name, ops: operationsOf(step) })),
  );
  const own = plans.find((plan) => sagaQueue(plan.name) === name);
  const served = plans.flatMap((plan) =>
    Object.values(plan.steps).filter((step) => step.service !== null && queueOfStep(plan, step) === name),
  );
  return {
    name,
    service: own === undefined ? (served[0]?.service ?? null) : null,
    saga: own?.name ?? null,
    paused: paused.includes(true),
    waiting: sum('waiting', 'prioritized'),
    active: sum('active'),
    delayed: sum('delayed'),
    failed: sum('failed'),
    waitingChildren: sum('waiting-children'),
    urls: shards.map((one) => queueUrl(one.name)),
    steps,
    workers: workers.count,
    workerNames: [...workers.names],
  };
}

/** The newest version of each saga: what an older one needs besides is told by the jobs that wait. */
function newestOf(plans: readonly Plan[]): readonly Plan[] {
  const newest = new Map<string, Plan>();
  for (const plan of plans) if ((newest.get(plan.name)?.version ?? 0) < plan.version) newest.set(plan.name, plan);
  return [...newest.values()];
}

/** @param inUse Sagas with transactions that have not ended. One that has none and is not deployed any more needs nobody. */
function unservedIn(queues: readonly QueueRow[], newest: readonly Plan[], inUse: ReadonlySet<string>): UnservedStep[] {
  const current = new Set(newest.filter(({ name }) => inUse.has(name)).map(({ name, version }) => `${name}@${version}`));
  return queues.flatMap(({ name, workers, waiting, steps, service }) => {
    if (workers !== 0) return [];
    const seen = new Set<string>();
    return steps.flatMap(({ saga, definitionVersion, step }): UnservedStep[] => {
      const key = `${saga} ${step}`;
      if (seen.has(key) || (!current.has(`${saga}@${definitionVersion}`) && waiting === 0)) return [];
      seen.add(key);
      const jobs = waiting === 0 ? '' : `; ${waiting} ${waiting === 1 ? 'job waits' : 'jobs wait'} in its queue`;
      return [{ saga, step, service, queue: name, waiting, text: `no worker for ${step}${jobs}` }];
    });
  });
}

async function look(engine: Engine): Promise<ServicesFound> {
  const plans = await plansOf(engine);
  const names = [...new Set(plans.flatMap(queuesOfPlan))].sort();
  const [queues, open] = await Promise.all([
    Promise.all(names.map((name) => lookAt(engine, name, plans))),
    engine.journal.openCounts([...new Set(plans.map(({ name }) => name))]),
  ]);
  const inUse = new Set(open.filter(({ count }) => count > 0).map(({ saga }) => saga));
  const knowsWorkers = queues.every(({ workers }) => workers !== null);
  return { queues, unserved: unservedIn(queues, newestOf(plans), inUse), knowsWorkers, nowMs: engine.clock.nowMs() };
}

const FRESH_MS = 1_000;
const looks = new LRUCache<Engine, Promise<ServicesFound>>({ max: 20, ttl: FRESH_MS });

/** The queues that plans need, what is in them, and who takes jobs from them. Looks once a second at most. */
export function servicesOf(engine: Engine): Promise<ServicesFound> {
  const known = looks.get(engine);
  if (known !== undefined) return known;
  const found = look(engine);
  looks.set(engine, found);
  found.catch(() => looks.delete(engine));
  return found;
}
