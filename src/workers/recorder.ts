import { setTimeout as delay } from 'node:timers/promises';
import { isAmendsError } from '../errors.ts';
import type { Recorded } from '../journal/transactions.ts';
import type { Rules } from '../machine/decide.ts';
import type { Fact } from '../machine/fact.ts';
import type { State } from '../machine/state.ts';
import { withdrawIdle } from '../producers/control.ts';
import type { Engine } from '../producers/engine.ts';
import { advance, restore } from '../queues/advance.ts';
import type { Delivery } from '../queues/queue-port.ts';
import type { ActiveOperations } from './active.ts';
import type { StorePatience } from './store-patience.ts';
import type { Work } from './work.ts';

export interface RecorderOptions {
  readonly engine: Engine;
  readonly active: ActiveOperations;
  /** Fires when the worker is being closed. */
  readonly closing: AbortSignal;
  readonly patience: StorePatience;
}

/** What records need, and what follows from them. */
type Recording = Pick<Work, 'rules' | 'inHand'> & {
  /** Adds a job before the end of the one in work is told, which need not wait for it then. `undefined`: it can't. */
  readonly addBeforeEnd?: Delivery['addBeforeEnd'];
};

/** Writes down what a worker learns, and passes on what follows from it: the writer of events adds the jobs they call for. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #engine: Engine;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#engine = options.engine;
  }

  async record(at: Recording, state: State, fact: Fact): Promise<Recorded> {
    const { patience } = this.#options;
    const recorded = await patience.wait(this.#engine.transactions.record(at.rules, state, fact));
    const passing = this.#passOn(at, recorded);
    if (passing !== undefined) await passing;
    return recorded;
  }

  /** Writes down what came of an attempt. It is known here alone, so while the store is away it is tried again until the worker is closed. */
  async recordOutcome({ rules, name, op, log, inHand, delivery: { addBeforeEnd } }: Work, state: State, fact: Fact): Promise<Recorded> {
    const { patience } = this.#options;
    for (let failed = 1; ; failed++) {
      let recorded: Recorded;
      try {
        recorded = await patience.wait(this.#engine.transactions.record(rules, state, fact));
      } catch (error) {
        if (this.#options.closing.aborted || isAmendsError(error, 'TRANSACTION_NOT_FOUND')) throw error;
        log.error({ err: error }, 'the outcome of an attempt could not be recorded, will be tried again');
        await delay(Math.min(200 * 2 ** failed, 10_000), undefined, { signal: this.#options.closing }).catch(() => undefined);
        continue;
      }
      // A try that seemed to fail may have been written after all: then this one finds it told, and has no events to pass on.
      if (failed > 1 && recorded.events.length === 0)
        await patience.wait(restore(this.#engine.queues, rules.plan, recorded.state, { step: name, op }));
      const passing = this.#passOn({ rules, inHand, addBeforeEnd }, recorded);
      if (passing !== undefined) await passing;
      return recorded;
    }
  }

  /** Adds the jobs that new events call for, and takes back those that a turn makes idle. `undefined`: there is nothing to wait for. */
  #passOn({ rules, inHand, addBeforeEnd }: Recording, { state, events }: Recorded): Promise<void> | undefined {
    if (events.length === 0) return undefined;
    const added = advance(this.#engine.queues, rules.plan, state, events, inHand, (child, root) => {
      const adding = addBeforeEnd?.(child, root);
      adding?.catch((error: unknown) => this.#putBack(rules, state.id, error));
      return adding !== undefined;
    });
    const turned = events.some(({ type }) => type === 'saga_turned');
    return added === undefined && !turned ? undefined : this.#follow(rules, state, added, turned);
  }

  async #follow(rules: Rules, state: State, added: Promise<unknown> | undefined, turned: boolean): Promise<void> {
    const { patience, active } = this.#options;
    if (added !== undefined) await patience.wait(added);
    if (!turned) return;
    active.cancel(state.id);
    await patience.wait(withdrawIdle(this.#engine, rules, state));
  }

  /** What could not be added before the end of the job that called for it. Where this fails too, the root finds it missing, or a sweep does. */
  async #putBack(rules: Rules, id: string, error: unknown): Promise<void> {
    const log = this.#engine.log.child({ transaction: id });
    log.warn({ err: error }, 'the next job could not be added, will be put back');
    try {
      const state = await this.#engine.transactions.load(id);
      if (state !== undefined) await restore(this.#engine.queues, rules.plan, state, undefined, false);
    } catch (failed) {
      log.error({ err: failed }, 'the next job could not be put back, a later look will do it');
    }
  }
}
