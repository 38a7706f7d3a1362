import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { engineOf } from '../../../src/amends.ts';
import { isTerminal, type Operation } from '../../../src/machine/state.ts';
import { operationJob, rootJob } from '../../../src/queues/advance.ts';
import { queuesOfPlan } from '../../../src/queues/names.ts';
import { orderSaga } from './orders.ts';
import type { Random } from './random.ts';
import type { Fault, Scene } from './scene.ts';
import { until } from './waiting.ts';

interface InFlight {
  readonly id: string;
  readonly step: string;
  readonly op: Operation;
}

/** Operations that are due now, of transactions that are under way. */
async function inFlight({ direct, load }: Scene, random: Random, count: number): Promise<readonly InFlight[]> {
  const { journal, transactions } = engineOf(direct);
  const open = (await journal.summaries([...load.acknowledged])).filter(
    ({ endedAtMs, id }) => endedAtMs === undefined && !load.deadly.has(id),
  );
  const found: InFlight[] = [];
  for (const { id } of random.shuffle(open).slice(0, count)) {
    const state = await transactions.load(id);
    if (state === undefined || isTerminal(state)) continue;
    for (const [step, { status }] of Object.entries(state.steps)) {
      if (status === 'issued') found.push({ id, step, op: 'run' });
      if (status === 'compensating') found.push({ id, step, op: 'compensate' });
    }
  }
  return found;
}

/** Adds jobs past the engine, and tells how many of them were finished with: done, or parked in `failed`. */
async function finished(scene: Scene, jobs: readonly Job[]): Promise<number> {
  let left = [...jobs];
  await until(
    async () => {
      const states = await Promise.all(left.map((job) => job.getState()));
      left = left.filter((_, at) => states[at] !== 'completed' && states[at] !== 'failed');
      return left.length === 0;
    },
    { timeoutMs: 15_000, everyMs: 200, stopping: scene.stopping },
  );
  return jobs.length - left.length;
}

let forgeries = 0;

async function forge(scene: Scene, random: Random): Promise<readonly Job[]> {
  const { queues } = engineOf(scene.direct);
  const places = queuesOfPlan(orderSaga.plan);
  const [live] = await inFlight(scene, random, 3);
  const of = (transaction: string, step: string, op = 'run'): object => ({ transaction, saga: 'order', step, op });
  const payloads: unknown[] = [
    { hello: 'world' },
    null,
    42,
    'x'.repeat(10_000),
    JSON.parse('{"__proto__":{"transaction":"1"},"constructor":{}}'),
    of('nobody', 'reserve_stock'),
    of('../../etc/passwd', 'reserve_stock'),
    { transaction: 'nobody', saga: 'order' },
    ...(live === undefined
      ? []
      : [
          of(live.id, 'toString'),
          of(live.id, '__proto__', 'compensate'),
          of(live.id, 'reserve_stock', live.step === 'reserve_stock' && live.op === 'compensate' ? 'run' : 'compensate'),
          { ...of(live.id, 'approve'), result: { ref: 'forged' } },
        ]),
  ];
  const jobs: Job[] = [];
  for (const payload of payloads) {
    const jobId = `${random.pick(['root', 'run', 'x'])}.forged.${process.pid}-${forgeries++}`;
    jobs.push(await queues.bullQueue(random.pick(places)).add('forged', payload, { jobId }));
  }
  return jobs;
}

/** Takes the jobs of a transaction away, also its root: nobody but the sweeper can find it again. */
async function lose(scene: Scene, { id, step, op }: InFlight): Promise<boolean> {
  const { queues } = engineOf(scene.direct);
  const job = operationJob(orderSaga.plan, id, step, op);
  await queues.discard(job);
  const { queue, jobId } = rootJob({ id, saga: orderSaga.name });
  const root = await queues.bullQueue(queue).getJob(jobId);
  await root?.remove({ removeChildren: false }).catch(() => undefined); // it has just been woken
  return (await queues.stateOf(job)) === 'missing';
}

async function loseSome(scene: Scene, random: Random): Promise<number> {
  let lost = 0;
  const taken = new Set<string>();
  // Those in work can't be taken away: look until some are not.
  await until(
    async () => {
      for (const operation of await inFlight(scene, random, 10)) {
        if (taken.has(operation.id) || !(await lose(scene, operation))) continue;
        taken.add(operation.id);
        lost++;
      }
      return lost >= 3;
    },
    { timeoutMs: 6_000, everyMs: 20, stopping: scene.stopping },
  );
  return lost;
}

export const QUEUE_FAULTS: readonly Fault[] = [
  {
    name: 'duplicate-jobs',
    takesMs: () => 1_500,
    async fire(scene, random) {
      const { queues } = engineOf(scene.direct);
      const jobs: Job[] = [];
      await until(
        async () => {
          for (const { id, step, op } of await inFlight(scene, random, 5)) {
            const { queue, name, message } = operationJob(orderSaga.plan, id, step, op);
            for (const copy of [1, 2]) {
              jobs.push(await queues.bullQueue(queue).add(name, message, { jobId: `${op}.${id}.${step}.copy${copy}.${forgeries++}` }));
            }
          }
          return jobs.length > 0;
        },
        { timeoutMs: 6_000, stopping: scene.stopping },
      );
      const done = await finished(scene, jobs);
      if (done < jobs.length) scene.wrong(`${jobs.length - done} of ${jobs.length} duplicates of jobs were never finished with`);
      scene.say(`duplicate-jobs: ${done}`);
      return done;
    },
  },
  {
    name: 'forged-jobs',
    takesMs: () => 2_000,
    async fire(scene, random) {
      const jobs = await forge(scene, random);
      const done = await finished(scene, jobs);
      if (done < jobs.length) scene.wrong(`${jobs.length - done} of ${jobs.length} forged jobs were never parked`);
      scene.say(`forged-jobs: ${done}`);
      return done;
    },
  },
  {
    name: 'start-without-jobs',
    takesMs: () => 300,
    async fire(scene) {
      const id = await scene.load.startWithoutJobs(scene.direct);
      scene.say(`start-without-jobs: ${id}`);
      return id === undefined ? 0 : 1;
    },
  },
  {
    // Every worker sweeps, all at about the same time.
    name: 'jobs-lost-two-sweepers',
    takesMs: () => 2_000,
    async fire(scene, random) {
      const lost = await loseSome(scene, random);
      scene.say(`jobs-lost-two-sweepers: ${lost} operations have no job any more`);
      return lost;
    },
  },
  {
    name: 'sweeper-paused',
    takesMs: ({ overdueAfterMs }) => overdueAfterMs + 5_000,
    async fire(scene, random) {
      const lost = await loseSome(scene, random);
      if (lost === 0) return 0;
      await delay(scene.overdueAfterMs); // they have to be overdue for the sweepers to see them
      const at = await scene.fleet.stopAt('sweep', 6_000);
      if (at === undefined) return 0;
      at.member.signal('SIGSTOP');
      scene.say(`sweeper-paused: worker ${at.member.index} in the middle of its look, ${lost} operations have no job`);
      await delay(3_000); // the others put them back
      at.member.signal('SIGCONT');
      scene.fleet.release(at.member);
      return 1;
    },
  },
];
