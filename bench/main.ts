import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { benchCluster } from './cluster.ts';
import { benchEvents } from './events.ts';
import type { Measured } from './measure.ts';
import type { Order } from './order.ts';
import { optionsOf, type BenchOptions } from './options.ts';
import { openPlace, type Place } from './place.ts';
import { benchLists } from './lists.ts';
import { benchTelemetry } from './telemetry.ts';
import { benchTcc } from './tcc.ts';

const SIDES = ['yardstick', 'amends'] as const;
type Side = (typeof SIDES)[number];

/** A row of the report: what is compared, and how. */
interface Comparison {
  readonly name: string;
  readonly measure: Order['measure'];
  readonly failing?: true;
  /** How many transactions, as a share of `--transactions`. */
  readonly share: number;
  readonly unit: string;
}

interface Sample extends Measured {
  /** Memory of the store for each transaction at the end of the run, in bytes. */
  readonly storeBytes: number;
}

const COMPARISONS: readonly Comparison[] = [
  { name: 'throughput', measure: 'throughput', share: 1, unit: '/s' },
  { name: 'compensation', measure: 'throughput', failing: true, share: 1, unit: '/s' },
  { name: 'latency', measure: 'latency', share: 0.2, unit: 'ms' },
  { name: 'start', measure: 'start', share: 0.5, unit: '/s' },
  { name: 'enqueue', measure: 'enqueue', share: 1, unit: '/s' },
];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function sample(place: Place, order: Omit<Order, 'scenario'>, options: BenchOptions, failing: boolean): Promise<Sample> {
  const url = await place.fresh();
  const { store, steps, payloadBytes, workKiB, concurrency, parallel, fuse, failAt } = options;
  const scenario = { store, url, steps, payloadBytes, workKiB, concurrency, parallel, fuse, failAt: failing ? failAt : 0 };
  const before = (await place.usedBytes()) ?? Number.NaN;
  const child = fork(fileURLToPath(new URL('measure.js', import.meta.url)), {
    execArgv: [], // as in production: without the source maps that are on here, which cost the side more that has some
    env: { ...process.env, BENCH_ORDER: JSON.stringify({ ...order, scenario }) },
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const answer = (await Promise.race([once(child, 'message'), exited.then(() => undefined)])) as [Measured] | undefined;
  // Looked at before it closes: what it leaves is what counts, but its own connections do not.
  const [code] = await exited;
  if (answer === undefined || code !== 0) throw new Error(`a run of ${order.contender} (${order.measure}) ended with ${code}`);
  const after = (await place.usedBytes()) ?? Number.NaN;
  return { ...answer[0], storeBytes: (after - before) / answer[0].stored };
}

/** Runs both sides in turn, the first one changing, so that what slows the machine down for a while hits both. */
async function compare(place: Place, options: BenchOptions, comparison: Comparison): Promise<Record<Side, readonly Sample[]>> {
  const transactions = Math.max(
    1,
    Math.round(comparison.measure === 'backlog' ? options.backlog : options.transactions * comparison.share),
  );
  const samples: Record<Side, Sample[]> = { yardstick: [], amends: [] };
  const sides: readonly Side[] = options.store === 'embedded' ? ['amends'] : SIDES;
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of round % 2 === 0 ? sides : [...sides].reverse()) {
      const order = { contender, measure: comparison.measure, transactions, processes: options.processes };
      samples[contender].push(await sample(place, order, options, comparison.failing === true));
    }
  }
  return samples;
}

/** Each side with one process and with as many as asked for, in turn: how much the others add. */
async function compareProcesses(place: Place, options: BenchOptions): Promise<Record<Side, number>> {
  const ratios: Record<Side, number[]> = { yardstick: [], amends: [] };
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of SIDES) {
      const run = async (processes: number): Promise<number> => {
        const order = { contender, measure: 'throughput', transactions: options.transactions, processes } as const;
        return (await sample(place, order, options, false)).value;
      };
      const first = await run(round % 2 === 0 ? 1 : options.processes);
      const second = await run(round % 2 === 0 ? options.processes : 1);
      ratios[contender].push(round % 2 === 0 ? second / first : first / second);
    }
  }
  return { yardstick: median(ratios.yardstick), amends: median(ratios.amends) };
}

/** The median of the ratios of the pairs: each pair ran next to each other. */
function ratioOf({ yardstick, amends }: Record<Side, readonly Sample[]>, of: (sample: Sample) => number): number {
  return median(amends.map((one, round) => of(one) / of(yardstick[round]!)));
}

function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}

function line(name: string, unit: string, samples: Record<Side, readonly Sample[]>): string {
  const middle = (side: Side): string =>
    samples[side].length === 0 ? '–' : median(samples[side].map(({ value }) => value)).toPrecision(4);
  const cpu = (side: Side): string =>
    samples[side].length === 0 ? '–' : median(samples[side].map(({ cpuMicros }) => cpuMicros)).toFixed(0);
  const ratio = samples.yardstick.length === 0 ? '' : ratioOf(samples, ({ value }) => value).toFixed(2);
  return `${name.padEnd(14)}${middle('yardstick').padStart(10)}${middle('amends').padStart(10)} ${unit.padEnd(4)}${ratio.padStart(7)}   ${cpu('yardstick')} / ${cpu('amends')} µs CPU`;
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) return;
  const place = await openPlace(options);
  try {
    console.log(
      `${options.steps} steps, ${options.payloadBytes} B, concurrency ${options.concurrency}, ${options.processes} process(es), ${options.store}`,
    );
    console.log(`${''.padEnd(14)}${'yardstick'.padStart(10)}${'amends'.padStart(10)} ${''.padEnd(4)}${'ratio'.padStart(7)}`);
    const backlog: Comparison = { name: 'backlog', measure: 'backlog', share: 1, unit: '/s' };
    // One process, or many, at once: more of them is a question of throughput.
    const wanted = options.processes > 1 ? COMPARISONS.slice(0, 1) : [...COMPARISONS, ...(options.backlog > 0 ? [backlog] : [])];
    const results: Record<string, Record<Side, readonly Sample[]>> = {};
    for (const comparison of wanted) {
      results[comparison.name] = await compare(place, options, comparison);
      console.log(line(comparison.name, comparison.unit, results[comparison.name]!));
    }
    const added = options.processes > 1 ? await compareProcesses(place, options) : undefined;
    if (added !== undefined) {
      const { yardstick, amends } = added;
      console.log(`${options.processes} processes to one: yardstick ${yardstick.toFixed(2)}, Amends ${amends.toFixed(2)}`);
    }
    if (!options.json) return;
    const ratio = (name: string, of = ({ value }: Sample): number => value): number | null => {
      const samples = results[name];
      return samples === undefined || samples.yardstick.length === 0 ? null : rounded(ratioOf(samples, of));
    };
    const { throughput, enqueue } = results;
    const finished = median(throughput?.amends.map(({ storeBytes }) => storeBytes) ?? []);
    const enqueued = median(enqueue?.yardstick.map(({ storeBytes }) => storeBytes) ?? []);
    console.log(
      JSON.stringify({
        throughputRatio: ratio('throughput'),
        compensationRatio: ratio('compensation'),
        latencyRatio: ratio('latency'),
        startRatio: ratio('start'),
        enqueueRatio: ratio('enqueue'),
        ...(options.backlog > 0 ? { backlogRatio: ratio('backlog') } : {}),
        // Throughput with all processes to that with one.
        ...(added === undefined ? {} : { processesRatio: rounded(added.amends), yardstickProcessesRatio: rounded(added.yardstick) }),
        rssRatio: ratio('throughput', ({ rssBytes }) => rssBytes),
        // What Amends keeps of a finished transaction, to what the yardstick needs for one that waits (it keeps nothing of a finished one).
        redisBytesPerSagaRatio: rounded(finished / enqueued),
        sagasPerSec: rounded(median(throughput?.amends.map(({ value }) => value) ?? [])),
        rounds: options.rounds,
      }),
    );
  } finally {
    await place.close();
  }
}

try {
  const [what, ...rest] = process.argv.slice(2);
  if (what === 'events') await benchEvents(rest);
  else if (what === 'cluster') await benchCluster(rest);
  else if (what === 'lists') await benchLists(rest);
  else if (what === 'telemetry') await benchTelemetry(rest);
  else if (what === 'tcc') await benchTcc(rest);
  else await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
