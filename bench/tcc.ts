import type { Order } from './order.ts';
import { optionsOf } from './options.ts';
import { openPlace } from './place.ts';
import { runOne } from './run.ts';
import { median } from './statistics.ts';

/** What is compared: a TCC of two reservations (two tries, two confirms) with sagas. */
const SIDES: readonly { readonly name: string; readonly contender: Order['contender']; readonly steps: number }[] = [
  { name: 'tcc of 2 reservations', contender: 'tcc', steps: 4 },
  { name: 'same operations as a saga', contender: 'saga', steps: 4 },
  { name: 'saga of 2 steps', contender: 'amends', steps: 2 },
];

/** A TCC against the saga of the same operations, and against one that only does the half of it, in alternation. */
export async function benchTcc(args: readonly string[]): Promise<void> {
  const options = optionsOf(args);
  if (options === undefined) return;
  const { store, payloadBytes, concurrency, transactions, rounds } = options;
  const place = await openPlace(options);
  try {
    const rates = new Map<string, number[]>(SIDES.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const { name, contender, steps } of round % 2 === 0 ? SIDES : [...SIDES].reverse()) {
        const scenario = { store, url: await place.fresh(), steps, payloadBytes, concurrency, parallel: false, failAt: 1 };
        const { value } = await runOne({ contender, measures: ['throughput'], scenario, transactions, processes: 1 });
        rates.get(name)!.push(value);
      }
    }
    const [tcc, same, half] = SIDES.map(({ name }) => rates.get(name)!);
    const ratio = (to: readonly number[]): number => median(tcc!.map((value, round) => value / to[round]!));
    for (const [name, values] of rates) console.log(`${name.padEnd(28)}${median(values).toFixed(0).padStart(8)} /s`);
    const report = { tccRatio: Number(ratio(same!).toFixed(3)), tccToTwoStepsRatio: Number(ratio(half!).toFixed(3)), rounds };
    console.log(`ratio to the same operations as a saga ${report.tccRatio}, to a saga of 2 steps ${report.tccToTwoStepsRatio}`);
    if (options.json) console.log(JSON.stringify(report));
  } finally {
    await place.close();
  }
}
