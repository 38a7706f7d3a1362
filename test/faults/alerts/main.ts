// Causes every fault that only a person can mend, and takes the time until somebody is told: `npm run faults:alerts -- --store redis --json`.
// Then as long a run without faults, in which nobody may be told anything. Everything has its defaults.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { until } from '../run/waiting.ts';
import { runCalm, type Calm } from './calm.ts';
import { FAULTS, LAST, type PermanentFault } from './faults.ts';
import { openServers, openStage, STORES, type Stage, type StoreChoice } from './stage.ts';

/** I8: a permanent fault is told within this long. */
const WITHIN_MS = 60_000;
/** So long is waited, to say how late it was. */
const PATIENCE_MS = 120_000;
const LEAST_CALM_MS = 60_000;

const USAGE = `Causes each permanent fault on servers of its own, with all defaults, and takes the seconds until an alert of it has arrived at a webhook;
then runs as long without faults. Exit code 1: one came later than 60 s or not at all, or somebody was told without need.

  npm run faults:alerts -- [--store ${STORES.join('|')}] [--json]

Without --store: all of them, one after the other.`;

interface Told {
  readonly fault: string;
  readonly rule: string | null;
  /** From the fault to the alert; `null`: nobody was told. */
  readonly seconds: number | null;
}

interface Report {
  readonly store: StoreChoice;
  readonly told: readonly Told[];
  readonly calm: Calm;
  readonly problems: readonly string[];
}

async function timed(stage: Stage, { name, fire }: PermanentFault): Promise<Told> {
  const { alerts, stopping } = stage;
  const { atMs, tells } = await fire(stage);
  const alert = () => alerts.alerts.find((one) => one.kind === 'raised' && one.receivedAtMs >= atMs && tells(one));
  await until(() => alert() !== undefined, { timeoutMs: PATIENCE_MS, stopping });
  const found = alert();
  const told = { fault: name, rule: found?.rule ?? null, seconds: found === undefined ? null : (found.receivedAtMs - atMs) / 1_000 };
  console.error(`  ${String(told.seconds?.toFixed(1) ?? 'never').padStart(6)} s  ${name}${told.rule === null ? '' : ` (${told.rule})`}`);
  return told;
}

async function breakEverything(stage: Stage): Promise<readonly Told[]> {
  await stage.start('watcher');
  if (stage.servers.store !== 'embedded') await stage.start('watcher');
  const here = ({ on }: PermanentFault): boolean => on?.(stage) ?? true;
  const told = await Promise.all(FAULTS.filter(here).map((fault) => timed(stage, fault)));
  for (const fault of LAST.filter(here)) told.push(await timed(stage, fault));
  return told;
}

function problemsOf(told: readonly Told[], { problems }: Calm): readonly string[] {
  const late = told.filter(({ seconds }) => seconds === null || seconds * 1_000 > WITHIN_MS);
  return [
    ...late.map(({ fault, seconds }) => `${fault}: ${seconds === null ? 'nobody was told' : `told after ${seconds} s`}`),
    ...problems,
  ];
}

async function during<T>(stage: Stage, work: (stage: Stage) => Promise<T>): Promise<T> {
  try {
    return await work(stage);
  } finally {
    await stage.close();
  }
}

async function runOn(store: StoreChoice, folder: string, stopping: AbortSignal): Promise<Report> {
  console.error(`${store}: seconds from the fault to the alert`);
  const servers = await openServers(store, folder);
  try {
    const beganAt = performance.now();
    const faulty = await openStage(servers, { namespace: 'alerts_faults', stopping });
    const told = await during(faulty, breakEverything);
    stopping.throwIfAborted();
    const lengthMs = Math.max(LEAST_CALM_MS, performance.now() - beganAt);
    console.error(`  without faults for ${Math.round(lengthMs / 1_000)} s`);
    const quiet = await openStage(servers, { namespace: 'alerts_calm', stopping });
    const calm = await during(quiet, (stage) => runCalm(stage, lengthMs));
    stopping.throwIfAborted();
    console.error(`  ${calm.completed} completed, ${calm.compensated} compensated, ${calm.looks} looks, ${calm.problems.length} problems`);
    return { store, told, calm, problems: problemsOf(told, calm) };
  } finally {
    await servers.close();
  }
}

function storesOf({ store }: { readonly store?: string | undefined }): readonly StoreChoice[] {
  if (store === undefined) return STORES;
  const known = STORES.find((one) => one === store);
  if (known === undefined) throw new Error(`--store is ${JSON.stringify(store)}: give one of ${STORES.join(', ')}`);
  return [known];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      store: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const stores = storesOf(values);
  const folder = mkdtempSync(join(tmpdir(), 'amends-alerts-'));
  chmodSync(folder, 0o711); // the way to the home of PostgreSQL, which refuses root
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  // npm's shell dies of a SIGTERM without passing it on: being an orphan is the only sign of it.
  const parent = process.ppid;
  const orphaned = (): void => stopping.abort(new Error('stopped by the end of the process that started it'));
  setInterval(() => process.ppid !== parent && orphaned(), 500).unref();
  const reports: Report[] = [];
  const problems: string[] = [];
  try {
    for (const store of stores) reports.push(await runOn(store, join(folder, store), stopping.signal));
  } catch (error) {
    problems.push((error as Error).stack ?? String(error));
  }
  problems.push(...reports.flatMap((report) => report.problems.map((problem) => `${report.store}: ${problem}`)));
  for (const problem of problems) console.error(problem);
  if (values.json) console.log(JSON.stringify(reports));
  if (problems.length > 0) console.error(`red; logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  console.log(problems.length > 0 ? 'red' : 'green');
  return problems.length > 0 ? 1 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  console.error((error as Error).message); // of the options
  process.exit(2);
}
