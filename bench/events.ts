import { parseArgs } from 'node:util';
import { AmendsEvents, type EventContender } from './events-contender.ts';
import { PlainStream, PlainTable } from './events-yardstick.ts';
import { optionsOf, type BenchOptions } from './options.ts';
import { openPlace, type Place } from './place.ts';

const HELP = `npm run bench -- events [options]   the event store against a plain INSERT, and against a bare XADD

  --store redis|postgres     default both
  --seconds <n>              of each run; default 1
  --rounds <n>               pairs of each kind; default 5
  --fsync always|everysec|none   of Redis' append-only file; default everysec
  --json                     one JSON object as the last line`;

type StoreName = 'redis' | 'postgres';
interface Kind {
  readonly name: string;
  readonly lanes: number;
  readonly size: number;
}
interface Pair {
  readonly yardstick: number;
  readonly amends: number;
}

const APPENDS: readonly Kind[] = [
  { name: 'append1', lanes: 1, size: 1 },
  { name: 'append16', lanes: 16, size: 1 },
  { name: 'batch10', lanes: 1, size: 10 },
];
const WARM_UP_S = 0.2;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Events per second. */
async function appendRate(contender: EventContender, { lanes, size }: Kind, seconds: number): Promise<number> {
  const run = async (forS: number): Promise<number> => {
    let stored = 0;
    const from = performance.now();
    const until = from + forS * 1_000;
    const lane = async (_: unknown, number: number): Promise<void> => {
      while (performance.now() < until) {
        await contender.append(number, size);
        stored += size;
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return (1_000 * stored) / (performance.now() - from);
  };
  await run(WARM_UP_S);
  return run(seconds);
}

async function readRate(contender: EventContender, stored: number): Promise<number> {
  const from = performance.now();
  const met = await contender.readAll();
  if (met !== stored) throw new Error(`${met} events were read of ${stored}`);
  return (1_000 * met) / (performance.now() - from);
}

function open(store: StoreName, side: keyof Pair, url: string, sequencer: boolean): Promise<EventContender> {
  if (side === 'amends') return AmendsEvents.open(url, { sequencer });
  return store === 'redis' ? Promise.resolve(new PlainStream(url)) : PlainTable.open(url);
}

/** Both sides in turn, each on an empty store, the first one changing. */
async function pairs(place: Place, rounds: number, measure: (side: keyof Pair, url: string) => Promise<number>): Promise<readonly Pair[]> {
  const found: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    const pair = { yardstick: 0, amends: 0 };
    const sides = ['yardstick', 'amends'] as const;
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) pair[side] = await measure(side, await place.fresh());
    found.push(pair);
  }
  return found;
}

async function using<T>(contender: EventContender, work: (contender: EventContender) => Promise<T>): Promise<T> {
  try {
    return await work(contender);
  } finally {
    await contender.close();
  }
}

function report(name: string, found: readonly Pair[]): number {
  const ratio = median(found.map(({ yardstick, amends }) => amends / yardstick));
  const middle = (side: keyof Pair): string => median(found.map((pair) => pair[side])).toFixed(0);
  console.log(`${name.padEnd(22)}${middle('yardstick').padStart(10)}${middle('amends').padStart(10)} /s ${ratio.toFixed(2).padStart(7)}`);
  return Number(ratio.toPrecision(3));
}

async function measureStore(
  store: StoreName,
  base: BenchOptions,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
) {
  const place = await openPlace({ ...base, store });
  const result: Record<string, number> = {};
  try {
    for (const kind of APPENDS) {
      const found = await pairs(place, rounds, async (side, url) =>
        using(await open(store, side, url, true), (contender) => appendRate(contender, kind, seconds)),
      );
      result[`${kind.name}Ratio`] = report(`${store} ${kind.name}`, found);
      result[`${kind.name}PerSec`] = Math.round(median(found.map(({ amends }) => amends)));
      result[`${kind.name}Yardstick`] = Math.round(median(found.map(({ yardstick }) => yardstick)));
    }
    const storeRate = result['append16Yardstick']!;
    const bytes: number[] = [];
    const read = await pairs(place, rounds, async (side, url) =>
      using(await open(store, side, url, false), async (contender) => {
        const before = await place.usedBytes();
        let stored = 0;
        for (; stored < 10_000; stored += 400) await Promise.all(Array.from({ length: 40 }, (_, lane) => contender.append(lane, 10)));
        const after = await place.usedBytes();
        if (side === 'amends' && before !== undefined && after !== undefined) bytes.push((after - before) / stored);
        return readRate(contender, stored);
      }),
    );
    // To a loop that reads pages and does nothing with them; and to what 16 clients of the yardstick store meanwhile.
    result['subscriberToPlainReadRatio'] = report(`${store} subscriber`, read);
    result['subscriberPerSec'] = Math.round(median(read.map(({ amends }) => amends)));
    result['subscriberRatio'] = Number((result['subscriberPerSec'] / storeRate).toPrecision(3));
    if (bytes.length > 0) result['bytesPerEvent'] = Math.round(median(bytes));
    return result;
  } finally {
    await place.close();
  }
}

export async function benchEvents(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      store: { type: 'string' },
      fsync: { type: 'string', default: 'everysec' },
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '5' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const stores: readonly StoreName[] = values.store === undefined ? ['redis', 'postgres'] : [values.store as StoreName];
  const base = optionsOf(['--fsync', values.fsync, '--rounds', values.rounds, '--store', stores[0]!])!;
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`--seconds is ${values.seconds}: give a number above 0`);
  if (!stores.every((store) => store === 'redis' || store === 'postgres'))
    throw new Error(`--store is ${values.store}: give redis or postgres`);
  console.log(`${''.padEnd(22)}${'yardstick'.padStart(10)}${'amends'.padStart(10)}      ratio`);
  const results: Record<string, unknown> = { rounds: base.rounds, seconds };
  for (const store of stores) results[store] = await measureStore(store, base, { rounds: base.rounds, seconds });
  if (values.json) console.log(JSON.stringify(results));
}
