import type { Measure } from './order.ts';
import { optionsOf, type BenchOptions } from './options.ts';
import { openPlace, type Place } from './place.ts';
import { benchProcesses, type ProcessRatios } from './processes.ts';
import { ratioOf, sample, SIDES, type Sample, type Samples, type Side } from './sample.ts';
import { median, rounded } from './statistics.ts';

/** Rows of the report that are measured in the same process, one after the other. */
interface Comparison {
  readonly rows: readonly Row[];
  /** How many transactions. Default: as many as asked for. */
  readonly transactions?: number;
}

interface Row {
  readonly name: string;
  readonly measure: Measure;
  readonly unit: string;
}

const THROUGHPUT: Row = { name: 'throughput', measure: 'throughput', unit: '/s' };
const COMPARISONS: readonly Comparison[] = [
  {
    rows: [THROUGHPUT, { name: 'latency', measure: 'latency', unit: 'ms' }, { name: 'compensation', measure: 'compensation', unit: '/s' }],
  },
  {
    rows: [
      { name: 'start', measure: 'start', unit: '/s' },
      { name: 'enqueue', measure: 'enqueue', unit: '/s' },
    ],
  },
];

function comparisonsFor({ backlog }: BenchOptions): readonly Comparison[] {
  return backlog > 0
    ? [...COMPARISONS, { rows: [{ name: 'backlog', measure: 'backlog', unit: '/s' }], transactions: backlog }]
    : COMPARISONS;
}

/** Runs both sides in turn, the first one changing, so that what slows the machine down for a while hits both. */
async function compare(place: Place, options: BenchOptions, comparison: Comparison): Promise<readonly Samples[]> {
  const { rows, transactions = options.transactions } = comparison;
  const samples = rows.map((): Record<Side, Sample[]> => ({ yardstick: [], amends: [] }));
  const sides: readonly Side[] = options.store === 'embedded' ? ['amends'] : SIDES;
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of round % 2 === 0 ? sides : [...sides].reverse()) {
      const order = { contender, measures: rows.map(({ measure }) => measure), transactions, processes: 1 };
      const all = await sample(place, order, options);
      for (const [at, one] of all.entries()) samples[at]![contender].push(one);
    }
  }
  return samples;
}

/** Milliseconds from the start of a process until the embedded store takes sagas: in a new folder, and when it is there. */
async function compareOpenings(place: Place, options: BenchOptions): Promise<readonly [first: number, later: number]> {
  const order = { contender: 'amends', measures: ['open'], transactions: 1, processes: 1 } as const;
  const [first, later]: [number[], number[]] = [[], []];
  for (let round = 0; round < options.rounds; round++) {
    const url = await place.fresh();
    first.push((await sample(place, order, options, { url }))[0]!.value);
    later.push((await sample(place, order, options, { url }))[0]!.value);
  }
  return [median(first), median(later)];
}

function line({ name, unit }: Row, samples: Samples): string {
  const middle = (side: Side): string =>
    samples[side].length === 0 ? '–' : median(samples[side].map(({ value }) => value)).toPrecision(4);
  const cpu = (side: Side): string =>
    samples[side].length === 0 ? '–' : median(samples[side].map(({ cpuMicros }) => cpuMicros)).toFixed(0);
  const ratio = samples.yardstick.length === 0 ? '' : ratioOf(samples, ({ value }) => value).toFixed(2);
  return `${name.padEnd(14)}${middle('yardstick').padStart(10)}${middle('amends').padStart(10)} ${unit.padEnd(4)}${ratio.padStart(7)}   ${cpu('yardstick')} / ${cpu('amends')} µs CPU`;
}

function report(options: BenchOptions, results: Readonly<Record<string, Samples>>, ratios: ProcessRatios | undefined): object {
  const ratio = (name: string, of = ({ value }: Sample): number => value): number | null => {
    const samples = results[name];
    return samples === undefined || samples.yardstick.length === 0 ? null : rounded(ratioOf(samples, of));
  };
  const { throughput, enqueue } = results;
  const finished = median(throughput?.amends.map(({ storeBytes }) => storeBytes) ?? []);
  const enqueued = median(enqueue?.yardstick.map(({ storeBytes }) => storeBytes) ?? []);
  return {
    throughputRatio: ratio('throughput'),
    compensationRatio: ratio('compensation'),
    latencyRatio: ratio('latency'),
    startRatio: ratio('start'),
    enqueueRatio: ratio('enqueue'),
    ...(options.backlog > 0 ? { backlogRatio: ratio('backlog') } : {}),
    ...ratios,
    rssRatio: ratio('throughput', ({ rssBytes }) => rssBytes),
    // What Amends keeps of a finished transaction, to what the yardstick needs for one that waits (it keeps nothing of a finished one).
    redisBytesPerSagaRatio: rounded(finished / enqueued),
    sagasPerSec: rounded(median(throughput?.amends.map(({ value }) => value) ?? [])),
    rounds: options.rounds,
  };
}

/** Sagas against the hand-written flow. */
export async function benchSagas(args: readonly string[]): Promise<void> {
  const options = optionsOf(args);
  if (options === undefined) return;
  const place = await openPlace(options);
  try {
    const { steps, payloadBytes, concurrency, processes, store } = options;
    console.log(`${steps} steps, ${payloadBytes} B, concurrency ${concurrency}, ${processes} process(es), ${store}`);
    console.log(`${''.padEnd(14)}${'yardstick'.padStart(10)}${'amends'.padStart(10)} ${''.padEnd(4)}${'ratio'.padStart(7)}`);
    const results: Record<string, Samples> = {};
    let ratios: ProcessRatios | undefined;
    if (processes > 1) {
      const measured = await benchProcesses(place, options);
      results['throughput'] = measured.throughput;
      console.log(line(THROUGHPUT, measured.throughput));
      for (const text of measured.lines) console.log(text);
      ratios = measured.ratios;
    } else {
      for (const comparison of comparisonsFor(options)) {
        const all = await compare(place, options, comparison);
        for (const [at, row] of comparison.rows.entries()) {
          results[row.name] = all[at]!;
          console.log(line(row, all[at]!));
        }
      }
    }
    if (store === 'embedded') {
      const [first, later] = await compareOpenings(place, options);
      console.log(`from the start of a process until it takes sagas: ${first.toFixed(0)} ms in a new folder, ${later.toFixed(0)} ms later`);
    }
    if (options.json) console.log(JSON.stringify(report(options, results, ratios)));
  } finally {
    await place.close();
  }
}
