import { setTimeout as delay } from 'node:timers/promises';
import type { Amends } from '../../../src/amends.ts';
import { isAmendsError } from '../../../src/errors.ts';
import { checkoutTcc, drawCheckoutFate } from './checkouts.ts';
import { calmed, type Order } from './orders.ts';
import { Random } from './random.ts';

/** One TCC for so many orders. */
const ORDERS_PER_CHECKOUT = 3;

/** The TCCs of a run, started beside the orders. */
export class CheckoutLoad {
  readonly #client: Amends;
  readonly #seed: number;
  readonly #random: Random;
  readonly #stopping: AbortSignal;
  readonly #acknowledged = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #calm: boolean;
  #orders = 0;

  constructor(client: Amends, { seed, calm, stopping }: { readonly seed: number; readonly calm: boolean; readonly stopping: AbortSignal }) {
    this.#client = client;
    this.#seed = seed;
    this.#random = new Random(`${seed}/checkouts`);
    this.#stopping = stopping;
    this.#calm = calm;
  }

  /** Started, and told so. */
  get acknowledged(): ReadonlySet<string> {
    return this.#acknowledged;
  }

  /** Another order was started. */
  beside(): void {
    if (this.#orders++ % ORDERS_PER_CHECKOUT !== 0) return;
    const number = this.#orders;
    const drawn = drawCheckoutFate(this.#random);
    const fate = this.#calm ? calmed(drawn) : drawn;
    const cancelAfterMs = fate.kind === 'cancelled' ? this.#random.int(0, 1_000) : undefined;
    const id = `c${this.#seed}-${String(number).padStart(5, '0')}`;
    const work = this.#start(id, { order: id, number, fate }, cancelAfterMs).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /** Resolves when every start that was begun is acknowledged. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** A call whose answer was lost is repeated, as callers do. */
  async #start(id: string, order: Order, cancelAfterMs: number | undefined): Promise<void> {
    const run = await this.#again(() => this.#client.start(checkoutTcc, order, { id }));
    if (run === undefined) return;
    this.#acknowledged.add(id);
    if (cancelAfterMs === undefined) return;
    await delay(cancelAfterMs);
    await this.#again(() => run.cancel({ reason: 'left the shop', by: 'customer' }));
  }

  async #again<T>(call: () => Promise<T>): Promise<T | undefined> {
    while (!this.#stopping.aborted) {
      try {
        return await call();
      } catch (error) {
        if (isAmendsError(error, 'NOT_ALLOWED')) return undefined; // it has its verdict
        await delay(300);
      }
    }
    return undefined;
  }
}
