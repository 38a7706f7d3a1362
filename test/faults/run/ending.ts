import { engineOf } from '../../../src/amends.ts';
import { isAmendsError } from '../../../src/errors.ts';
import type { TransactionSummary } from '../../../src/journal/journal.ts';
import { queuesOfPlan } from '../../../src/queues/names.ts';
import { judgeAlerts } from './alerts.ts';
import { readEffects, unbalanced, type Effect } from './books.ts';
import { judgeCheckout } from './checkout-verdict.ts';
import { checkoutTcc } from './checkouts.ts';
import { orderSaga } from './orders.ts';
import type { Scene } from './scene.ts';
import { judgeTransaction, type Findings } from './verdict.ts';
import { until } from './waiting.ts';

/** How the transactions of a run stand when everything is mended and time is up. */
export interface Ending {
  readonly completed: number;
  readonly compensated: number;
  readonly stuck: number;
  readonly silentStuck: number;
  readonly lost: number;
  readonly doubleEffects: number;
  readonly wrongOrder: number;
  readonly illegalJournals: number;
  /** What people were told, and what they should have been told and were not, or were told without need. */
  readonly alerts: number;
  readonly unalerted: number;
  /** TCCs. */
  readonly confirmed: number;
  readonly cancelled: number;
  /** In words; any makes the run red. */
  readonly problems: readonly string[];
  /** Transactions that somebody should look at. */
  readonly suspects: readonly string[];
}

/** Ends every fault: servers are up, lines are whole, workers run by the right clock. */
export async function heal(scene: Scene): Promise<void> {
  for (const { redis, postgres, books } of scene.lines) for (const line of [redis, postgres, books]) line?.pass();
  scene.fleet.storm(false);
  for (const member of scene.fleet.members) {
    member.signal('SIGCONT');
    scene.fleet.release(member);
  }
  for (const server of [scene.redis, scene.postgres]) if (server !== undefined && !server.running) await server.start();
  await scene.fleet.allReady(30_000);
}

async function summaries({ direct, load }: Scene): Promise<readonly TransactionSummary[]> {
  return engineOf(direct).journal.summaries([...load.acknowledged, ...load.checkouts.acknowledged]);
}

/** Judges the TCCs by their journals and their effects. */
async function judgeCheckouts(
  scene: Scene,
  known: ReadonlyMap<string, TransactionSummary>,
  effects: ReadonlyMap<string, readonly Effect[]>,
) {
  const { journal } = engineOf(scene.direct);
  const problems: string[] = [];
  const suspects: string[] = [];
  const count = { confirmed: 0, cancelled: 0 };
  for (const id of scene.load.checkouts.acknowledged) {
    const status = known.get(id)?.status;
    if (status === 'confirmed' || status === 'cancelled') count[status]++;
    const found =
      status === 'confirmed' || status === 'cancelled'
        ? judgeCheckout(id, await journal.read(id), effects.get(id) ?? [])
        : [`${id} is ${status ?? 'not in the journal'}, and should have ended: ${known.get(id)?.error ?? ''}`];
    problems.push(...found);
    if (found.length > 0) suspects.push(id);
  }
  return { ...count, problems, suspects };
}

/** A person looks through what is stuck, and has it tried again: what it was stuck on is mended. Not so what kills its workers. */
async function retryStuck(scene: Scene, retried: Map<string, number>): Promise<void> {
  for (const id of await stuckIds(scene)) {
    const times = retried.get(id) ?? 0;
    if (scene.load.deadly.has(id) || times >= 3) continue;
    retried.set(id, times + 1);
    scene.say(`${id} is stuck, and is tried again`);
    await scene.direct
      .get(id)
      .retry({ by: 'operator', reason: 'mended' })
      .catch((error: unknown) => {
        if (!isAmendsError(error, 'NOT_ALLOWED')) throw error; // it went on by itself
      });
  }
}

/** What a person sees who asks for the stuck ones. */
async function stuckIds({ direct }: Scene): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await direct.list({ status: ['stuck'], limit: 200, cursor });
    ids.push(...page.transactions.map(({ id }) => id));
    cursor = page.nextCursor;
    if (cursor === undefined) return ids;
  }
}

/** Waits until everything has ended, or is stuck and will stay so. */
export async function settle(scene: Scene, timeoutMs: number): Promise<void> {
  const retried = new Map<string, number>();
  await scene.load.settled();
  await until(
    async () => {
      await retryStuck(scene, retried);
      const open = (await summaries(scene)).filter(({ endedAtMs }) => endedAtMs === undefined);
      const waiting = open.filter(({ id, status }) => !(status === 'stuck' && scene.load.deadly.has(id)));
      return waiting.length === 0;
    },
    { timeoutMs, everyMs: 500, stopping: scene.stopping },
  );
}

/** I9: starts what was kept for after the heal, one by one, until every worker has done something. Gives the workers that don't. */
export async function idleWorkers({ fleet, load, stopping }: Scene, timeoutMs: number): Promise<readonly number[]> {
  const before = fleet.members.map(({ begunEver }) => begunEver);
  const idle = (): readonly number[] => fleet.members.filter(({ begunEver }, at) => begunEver === before[at]).map(({ index }) => index);
  await until(
    () => {
      load.startMore(1);
      return idle().length === 0;
    },
    { timeoutMs, everyMs: 300, stopping },
  );
  return idle();
}

/** I6: jobs that nobody will ever finish with, of transactions that have ended or never were. */
async function strayJobs(scene: Scene, open: ReadonlySet<string>): Promise<readonly string[]> {
  const { queues } = engineOf(scene.direct);
  const strays: string[] = [];
  for (const name of new Set([...queuesOfPlan(orderSaga.plan), ...queuesOfPlan(checkoutTcc.plan)])) {
    const jobs = await queues.bullQueue(name).getJobs(['waiting', 'active', 'delayed', 'prioritized', 'waiting-children']);
    for (const job of jobs) {
      const transaction = (job?.data as { transaction?: unknown } | undefined)?.transaction;
      if (job === undefined || (typeof transaction === 'string' && open.has(transaction))) continue;
      strays.push(`${name}: ${job.id} (${await job.getState()})`);
    }
  }
  return strays;
}

const LISTED = 20;

/** Judges all transactions by their journals and their effects. */
export async function judge(scene: Scene): Promise<Ending> {
  const { journal } = engineOf(scene.direct);
  const known = new Map((await summaries(scene)).map((summary) => [summary.id, summary]));
  const listed = new Set(await stuckIds(scene));
  const effects = new Map<string, Effect[]>();
  for (const effect of await readEffects(scene.books)) effects.set(effect.gid, [...(effects.get(effect.gid) ?? []), effect]);
  const findings: Findings[] = [];
  const count = { completed: 0, compensated: 0, stuck: 0, silentStuck: 0 };
  const problems: string[] = [];
  const suspects: string[] = [];
  const gone: string[] = [];
  for (const id of scene.load.acknowledged) {
    const summary = known.get(id);
    if (summary === undefined) {
      gone.push(`${id}: its start was acknowledged, and it is not in the journal`);
      continue;
    }
    const found = judgeTransaction(id, await journal.read(id), effects.get(id) ?? []);
    findings.push(found);
    const { status } = summary;
    if (status === 'completed' || status === 'compensated') count[status]++;
    else if (status === 'stuck' && listed.has(id)) {
      count.stuck++;
      if (!scene.load.deadly.has(id))
        problems.push(`${id} is stuck, although all is mended and it was tried again: ${summary.error ?? ''}`);
    } else {
      count.silentStuck++;
      problems.push(`${id} is ${status}, has not ended, and nobody is told`);
    }
    if (Object.values(found).flat().length > 0 || (status !== 'completed' && status !== 'compensated')) suspects.push(id);
  }
  for (const id of scene.load.deadly) {
    if (known.get(id)?.status !== 'stuck')
      problems.push(`${id} kills its workers, and is ${known.get(id)?.status ?? 'gone'} and not stuck`);
  }
  const checkouts = await judgeCheckouts(scene, known, effects);
  problems.push(...checkouts.problems);
  suspects.push(...checkouts.suspects);
  const acknowledged = new Set([...scene.load.acknowledged, ...scene.load.checkouts.acknowledged]);
  for (const id of effects.keys()) if (!acknowledged.has(id)) problems.push(`${id} has effects, and was never acknowledged`);
  const all = (kind: keyof Findings): readonly string[] => findings.flatMap((found) => found[kind]);
  const lost = [...gone, ...all('lost')];
  problems.push(...lost, ...all('doubleEffects'), ...all('wrongOrder'), ...all('illegal'), ...(await unbalanced(scene.books)));

  const open = new Set([...known.values()].filter(({ endedAtMs }) => endedAtMs === undefined).map(({ id }) => id));
  let strays: readonly string[] = [];
  // A root looks again after a while, at most half a minute.
  await until(async () => (strays = await strayJobs(scene, open)).length === 0, {
    timeoutMs: 35_000,
    everyMs: 500,
    stopping: scene.stopping,
  });
  const unalerted = await judgeAlerts(scene);
  problems.push(...unalerted);
  problems.push(...strays.slice(0, LISTED).map((stray) => `a job that belongs to nothing: ${stray}`));
  return {
    ...count,
    alerts: scene.alerts.alerts.length,
    unalerted: unalerted.length,
    confirmed: checkouts.confirmed,
    cancelled: checkouts.cancelled,
    lost: lost.length,
    doubleEffects: all('doubleEffects').length,
    wrongOrder: all('wrongOrder').length,
    illegalJournals: all('illegal').length,
    problems,
    suspects,
  };
}
