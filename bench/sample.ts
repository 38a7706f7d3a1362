import type { Measured } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Order } from './order.ts';
import type { Place } from './place.ts';
import { run } from './run.ts';
import { median } from './statistics.ts';

export const SIDES = ['yardstick', 'amends'] as const;
export type Side = (typeof SIDES)[number];

export interface Sample extends Measured {
  /** Memory of the store for each transaction so far, in bytes. */
  readonly storeBytes: number;
}

export type Samples = Readonly<Record<Side, readonly Sample[]>>;

/**
 * One run, by default on an empty store: a sample of each thing that is measured.
 *
 * @param cores That the process may use. Default: all.
 * @param url Of a store that is there.
 */
export async function sample(
  place: Place,
  order: Omit<Order, 'scenario'>,
  { store, steps, payloadBytes, workKiB, concurrency, parallel, fuse, failAt }: BenchOptions,
  { cores, url: given }: { readonly cores?: string | undefined; readonly url?: string } = {},
): Promise<readonly Sample[]> {
  const url = given ?? (await place.fresh());
  const scenario = { store, url, steps, payloadBytes, workKiB, concurrency, parallel, fuse, failAt };
  const before = (await place.usedBytes()) ?? Number.NaN;
  return run(
    { ...order, scenario },
    {
      cores,
      async look(measured) {
        return { ...measured, storeBytes: (((await place.usedBytes()) ?? Number.NaN) - before) / measured.stored };
      },
    },
  );
}

/** The median of the ratios of the pairs: each pair ran next to each other. */
export function ratioOf({ yardstick, amends }: Samples, of: (sample: Sample) => number): number {
  return median(amends.map((one, round) => of(one) / of(yardstick[round]!)));
}
