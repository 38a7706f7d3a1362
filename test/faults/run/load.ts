import { setTimeout as delay } from 'node:timers/promises';
import { engineOf, type Amends } from '../../../src/amends.ts';
import { isAmendsError } from '../../../src/errors.ts';
import { hashOf } from '../../../src/flows/json.ts';
import { register } from '../../../src/producers/engine.ts';
import { start } from '../../../src/producers/start.ts';
import { CheckoutLoad } from './checkout-load.ts';
import { calmed, DEADLY, drawFate, orderSaga, type Fate, type Order } from './orders.ts';
import { Random } from './random.ts';

interface Planned {
  readonly id: string;
  readonly order: Order;
  readonly cancelAfterMs: number | undefined;
}

/** The orders of a run: all drawn at its begin, started one after the other, each until its start has been acknowledged. */
export class Load {
  readonly #client: Amends;
  readonly #planned: readonly Planned[];
  readonly #stopping: AbortSignal;
  readonly #wrong: (problem: string) => void;
  readonly #underWay = new Set<Promise<void>>();
  /** TCCs, started beside the orders. */
  readonly checkouts: CheckoutLoad;
  readonly #acknowledged = new Set<string>();
  readonly #deadly = new Set<string>();
  #next = 0;

  constructor(
    client: Amends,
    {
      seed,
      transactions,
      calm,
      stopping,
      wrong,
    }: { seed: number; transactions: number; calm: boolean; stopping: AbortSignal; wrong: (problem: string) => void },
  ) {
    this.#client = client;
    this.#stopping = stopping;
    this.#wrong = wrong;
    this.checkouts = new CheckoutLoad(client, { seed, calm, stopping });
    const random = new Random(`${seed}/load`);
    this.#planned = Array.from({ length: transactions }, (_, number) => {
      const fate = calm ? calmed(drawFate(random)) : drawFate(random);
      const cancelAfterMs = random.int(0, 1_500);
      const id = `s${seed}-${String(number).padStart(5, '0')}`;
      return {
        id,
        order: { order: `order-${number}`, number, fate },
        cancelAfterMs: fate.kind === 'cancelled' ? cancelAfterMs : undefined,
      };
    });
  }

  get total(): number {
    return this.#planned.length;
  }

  get started(): number {
    return this.#next;
  }

  /** Started, and told so. */
  get acknowledged(): ReadonlySet<string> {
    return this.#acknowledged;
  }

  /** Those that kill their workers: expected to get stuck. */
  get deadly(): ReadonlySet<string> {
    return this.#deadly;
  }

  /** Starts so many more, if there are so many left. */
  startMore(count: number, fate?: Fate): readonly string[] {
    const ids: string[] = [];
    while (ids.length < count && this.#next < this.total) {
      const planned = this.#take(fate);
      ids.push(planned.id);
      this.#track(this.#start(planned));
      this.checkouts.beside();
    }
    return ids;
  }

  startDeadly(): string | undefined {
    const [id] = this.startMore(1, DEADLY);
    if (id !== undefined) this.#deadly.add(id);
    return id;
  }

  /** As if the client had died between journal and queue: the transaction is there, and no job. */
  async startWithoutJobs(past: Amends): Promise<string | undefined> {
    if (this.#next === this.total) return undefined;
    const { id, order } = this.#take();
    const engine = engineOf(past);
    await register(engine, orderSaga);
    await engine.transactions.start({ plan: orderSaga.plan, bindings: orderSaga.bindings }, id, {
      saga: orderSaga.name,
      definitionVersion: orderSaga.version,
      fingerprint: orderSaga.plan.fingerprint,
      input: order,
      inputHash: hashOf(order),
      tags: {},
      deadlineAtMs: engine.clock.nowMs() + (orderSaga.plan.deadlineMs ?? 0),
    });
    this.#acknowledged.add(id);
    return id;
  }

  /** Resolves when every start that was begun is acknowledged. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    await this.checkouts.settled();
  }

  #take(fate?: Fate): Planned {
    const planned = this.#planned[this.#next++]!;
    return fate === undefined ? planned : { id: planned.id, order: { ...planned.order, fate }, cancelAfterMs: undefined };
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  /** A start whose answer was lost is repeated, as callers do. */
  async #start({ id, order, cancelAfterMs }: Planned): Promise<void> {
    // Every second one begins as a start without an id does, whose jobs leave right behind its commit.
    let isNew = order.number % 2 === 1;
    while (!this.#stopping.aborted) {
      try {
        if (isNew) await start(engineOf(this.#client), orderSaga, order, { id, isNew });
        else await this.#client.start(orderSaga, order, { id });
        this.#acknowledged.add(id);
        break;
      } catch (error) {
        if (isAmendsError(error, 'TRANSACTION_CONFLICT')) this.#wrong(`the start of ${id} was refused: ${error.message}`);
        isNew = false;
        await delay(300);
      }
    }
    if (cancelAfterMs !== undefined) await this.#cancel(id, cancelAfterMs);
  }

  async #cancel(id: string, afterMs: number): Promise<void> {
    await delay(afterMs);
    for (let tries = 0; tries < 20 && !this.#stopping.aborted; tries++) {
      try {
        await this.#client.get(id).cancel({ reason: 'changed my mind', by: 'customer' });
        return;
      } catch (error) {
        if (isAmendsError(error, 'NOT_ALLOWED')) return; // too late for that
        if (isAmendsError(error, 'TRANSACTION_NOT_FOUND')) this.#wrong(`${id} was acknowledged, and a cancel did not find it`);
        await delay(300);
      }
    }
  }
}
