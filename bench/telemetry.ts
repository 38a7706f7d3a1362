import type { Measured } from './measure.ts';
import type { Order } from './order.ts';
import { optionsOf } from './options.ts';
import { openPlace } from './place.ts';
import { runOne } from './run.ts';
import { median } from './statistics.ts';

/** `amends`: with its defaults, and no SDK registered. */
const SIDES = ['off', 'amends', 'metrics', 'traces', 'logs'] as const satisfies readonly Order['contender'][];

/** Of fewer transactions a run measures the compiler, which has more to do where more is watched. */
const ENOUGH = '4000';

/** What it costs to be watched: each side in alternation, by CPU time of the process for each saga, which a shared machine disturbs least. */
export async function benchTelemetry(args: readonly string[]): Promise<void> {
  const options = optionsOf(['--transactions', ENOUGH, ...args]);
  if (options === undefined) return;
  const { store, steps, payloadBytes, concurrency, parallel, fuse, transactions, rounds } = options;
  const place = await openPlace(options);
  try {
    const samples = new Map<string, Measured[]>(SIDES.map((side) => [side, []]));
    for (let round = 0; round < rounds; round++) {
      for (const contender of round % 2 === 0 ? SIDES : [...SIDES].reverse()) {
        const scenario = { store, url: await place.fresh(), steps, payloadBytes, concurrency, parallel, fuse, failAt: 1 };
        samples.get(contender)!.push(await runOne({ contender, measures: ['throughput'], scenario, transactions, processes: 1 }));
      }
    }
    const off = samples.get('off')!;
    const ratio = (side: string, of: (one: Measured) => number): number =>
      Number(median(samples.get(side)!.map((one, round) => of(one) / of(off[round]!))).toFixed(3));
    const report: Record<string, unknown> = { rounds };
    for (const side of SIDES) {
      const cpu = median(samples.get(side)!.map(({ cpuMicros }) => cpuMicros));
      const rate = median(samples.get(side)!.map(({ value }) => value));
      report[side] = { cpuRatio: ratio(side, (one) => one.cpuMicros), rateRatio: ratio(side, (one) => one.value) };
      console.log(
        `${side.padEnd(10)}${cpu.toFixed(0).padStart(8)} µs CPU ${ratio(side, (one) => one.cpuMicros).toFixed(3)}${rate.toFixed(0).padStart(8)} /s`,
      );
    }
    if (options.json) console.log(JSON.stringify(report));
  } finally {
    await place.close();
  }
}
