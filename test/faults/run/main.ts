// Runs random faults over sagas in flight and judges what is left: `npm run faults -- --seed N --minutes M --json`. See options.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { engineOf } from '../../../src/amends.ts';
import { heal, idleWorkers, judge, settle, type Ending } from './ending.ts';
import { parseOptions, USAGE, type Options } from './options.ts';
import { fireAll, faultsOf } from './schedule.ts';
import { openStage, type Stage } from './stage.ts';

/** Kept for after the heal: so many orders for each worker. */
const AFTERWARDS_PER_WORKER = 3;
/** Share of the transactions that are started evenly; what is left is for faults that find nothing to break. */
const PACE = 0.85;
const AT_ONCE = 4;
/** When nothing is due, one is started all the same after so long: somebody may be waiting for it. */
const TRICKLE_MS = 600;
const SETTLE_MS = 120_000;

interface Report extends Omit<Ending, 'problems' | 'suspects' | 'illegalJournals'> {
  readonly tccs: number;
  readonly seed: number;
  readonly store: string;
  readonly transactions: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly recoveryP95Ms: number | null;
}

function p95(samples: readonly number[]): number | null {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted.length === 0 ? null : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))]!);
}

/** Starts orders evenly over the time, but no faster than faults fire: each is to find some under way. The rest when all are over. */
function startEvenly({ scene: { load, stopping } }: Stage, budgetMs: number, keep: number, fired: () => number): { end(): Promise<void> } {
  const over = new AbortController();
  const beganAt = performance.now();
  const most = load.total - keep;
  let lastAt = beganAt;
  const pace = (async () => {
    while (!over.signal.aborted && !stopping.aborted) {
      const now = performance.now();
      const due = AT_ONCE + Math.floor(most * PACE * Math.min((now - beganAt) / budgetMs, fired()));
      const more = Math.max(due - load.started, now - lastAt > TRICKLE_MS ? 1 : 0);
      if (load.startMore(Math.min(more, most - load.started)).length > 0) lastAt = now;
      await delay(50);
    }
  })();
  return {
    async end() {
      over.abort();
      await pace;
      load.startMore(most - load.started);
    },
  };
}

async function keepSuspects({ scene, folder }: Stage, suspects: readonly string[]): Promise<void> {
  const { journal } = engineOf(scene.direct);
  for (const id of suspects.slice(0, 50)) writeFileSync(join(folder, `${id}.json`), JSON.stringify(await journal.read(id), null, 1));
}

async function runOn(
  stage: Stage,
  { seed, store, minutes, faults: only }: Options,
): Promise<{ report: Report; problems: readonly string[] }> {
  const { scene, problems } = stage;
  const { load, fleet } = scene;
  const budgetMs = minutes * 60_000;
  const faults = faultsOf(scene, seed, budgetMs, only);
  scene.say(`faults: ${faults.map(({ name }) => name).join(', ')}`);
  const keep = Math.min(AFTERWARDS_PER_WORKER * fleet.members.length, load.total);
  const fired: Record<string, number> = Object.fromEntries(faults.map(({ name }) => [name, 0]));
  const share = (): number => (Object.values(fired).filter((times) => times > 0).length + 1) / faults.length;
  const pace = startEvenly(stage, budgetMs, keep, share);
  await fireAll(scene, faults, seed, performance.now() + budgetMs, fired);
  await pace.end();
  await heal(scene);
  scene.say(`mended; ${load.acknowledged.size} of ${load.total} transactions are started`);
  const idle = await idleWorkers(scene, 20_000);
  load.startMore(load.total - load.started);
  await settle(scene, SETTLE_MS);
  scene.stopping.throwIfAborted();
  const ending = await judge(scene);
  problems.push(...ending.problems, ...idle.map((index) => `worker ${index} does nothing after everything was mended`));
  for (const [name, times] of Object.entries(fired)) if (times === 0) problems.push(`${name} never fired`);
  if (load.acknowledged.size < load.total) problems.push(`${load.total - load.acknowledged.size} transactions were never started`);
  if (problems.length > 0) await keepSuspects(stage, ending.suspects);
  const { completed, compensated, confirmed, cancelled, stuck, lost, doubleEffects, wrongOrder, silentStuck, alerts, unalerted } = ending;
  const tccs = { tccs: load.checkouts.acknowledged.size, confirmed, cancelled };
  const sagas = { transactions: load.acknowledged.size, completed, compensated, stuck };
  const counts = { ...sagas, ...tccs, lost, doubleEffects, wrongOrder, silentStuck, alerts, unalerted };
  return { report: { seed, store, ...counts, faults: fired, recoveryP95Ms: p95(fleet.recoveriesMs) }, problems };
}

function show(report: Report, red: boolean): string {
  const { faults, recoveryP95Ms, ...numbers } = report;
  const lines = Object.entries(numbers).map(([name, value]) => `${name.padEnd(14)} ${value}`);
  const fired = Object.entries(faults).map(([name, times]) => `  ${name.padEnd(26)} ${times}`);
  return [...lines, 'faults', ...fired, `recovery p95   ${recoveryP95Ms ?? '-'} ms`, red ? 'red' : 'green'].join('\n');
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'amends-faults-'));
  const stopping = new AbortController();
  const stop = (why: string): void => stopping.abort(new Error(`stopped by ${why}`));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  // The terminal or pipe may be gone before we are: nothing to say then, but servers to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop('a closed output'));
  let broken = false;
  process.on('uncaughtException', (error) => {
    broken = true;
    stop(`an error that nobody caught: ${error.stack}`);
  });
  // npm's shell dies of a SIGTERM without passing it on: being an orphan is the only sign of it.
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && stop('the end of the process that started it'), 500).unref();
  let stage: Stage | undefined;
  let outcome: Awaited<ReturnType<typeof runOn>> | undefined;
  const problems: string[] = [];
  try {
    stage = await openStage(options, folder, stopping.signal);
    stopping.signal.throwIfAborted();
    // A run that is being stopped does not wait for what it is waiting for.
    const stopped = new Promise<never>((_, reject) =>
      stopping.signal.addEventListener('abort', () => reject(stopping.signal.reason as Error)),
    );
    outcome = await Promise.race([runOn(stage, options), stopped]);
    problems.push(...outcome.problems);
  } catch (error) {
    problems.push((error as Error).stack ?? String(error));
  }
  const interrupted = stopping.signal.aborted && !broken;
  stopping.abort(new Error('over'));
  await stage?.close().catch((error: unknown) => problems.push(`could not clean up: ${(error as Error).stack}`));
  clearInterval(watch);
  const red = problems.length > 0 || outcome === undefined;
  for (const problem of problems) console.error(problem);
  if (red && !interrupted) console.error(`red; repeat it with --seed ${options.seed}; logs and the histories of suspects are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  if (outcome !== undefined) console.log(options.json ? JSON.stringify(outcome.report) : show(outcome.report, red));
  return red ? 1 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  console.error((error as Error).message); // of the options
  process.exit(2);
}
