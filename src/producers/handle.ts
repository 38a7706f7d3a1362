import type { Signal } from '../flows/signal.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import { isHeld, type State } from '../machine/state.ts';
import { viewOf, type TransactionView } from '../machine/view.ts';
import {
  cancel,
  confirm,
  markUndone,
  pause,
  resume,
  retry,
  sendSignal,
  skip,
  terminate,
  type ControlOptions,
  type ReasonedOptions,
  type RetryOptions,
} from './control.ts';
import { loadTransaction, operatorRules, type Engine } from './engine.ts';
import { completedOutcome, outcomeOf, resultOf, type SagaOutcome } from './outcome.ts';
import { isSettled, type Ended, type Outcomes, type WaitOptions } from './outcomes.ts';
import type { SagaRun } from './run.ts';
import { tccOutcomeOf, tccResultOf, type TccOutcome } from './tcc-outcome.ts';
import type { TccRun } from './tcc-run.ts';

/** @throws {AmendsError} as {@link SagaRun.outcome} and {@link TccRun.outcome} */
function settled<Outcome>(outcome: Outcome | undefined, { id, status }: State): Outcome {
  if (outcome === undefined) throw new Error(`transaction ${id} was announced while ${status}`);
  return outcome;
}

/** An outcome in the words of its kind, whatever the caller takes the transaction for. */
async function outcomeIn(engine: Engine, state: Ended): Promise<SagaOutcome<unknown> | TccOutcome<unknown>> {
  if (state.status === 'completed') return completedOutcome(state);
  const { plan } = await operatorRules(engine, state);
  return state.kind === 'tcc' ? settled(tccOutcomeOf(state, plan), state) : settled(outcomeOf(state, plan), state);
}

function isOfTcc(outcome: SagaOutcome<unknown> | TccOutcome<unknown>): outcome is TccOutcome<unknown> {
  return outcome.status === 'confirmed' || outcome.status === 'cancelled' || 'leftovers' in outcome;
}

/**
 * A handle on any transaction, whatever its kind. With methods and not with functions of its own: each start makes one, and those that wait
 * for a worker are many.
 */
class Run {
  readonly id: string;
  readonly #engine: Engine;
  readonly #outcomes: Outcomes;

  constructor(engine: Engine, outcomes: Outcomes, id: string) {
    this.id = id;
    this.#engine = engine;
    this.#outcomes = outcomes;
  }

  outcome(options?: WaitOptions): Promise<SagaOutcome<unknown> | TccOutcome<unknown>> {
    return this.#outcomes.wait(this.id, options).then((state) => outcomeIn(this.#engine, state));
  }

  async result(options?: WaitOptions): Promise<unknown> {
    const ended = await this.outcome(options);
    return isOfTcc(ended) ? tccResultOf(this.id, ended) : resultOf(this.id, ended);
  }

  async held(options?: WaitOptions): Promise<boolean> {
    return isHeldOn(await this.#outcomes.wait(this.id, options, (state) => isSettled(state) || isHeldOn(state)));
  }

  confirm(options?: ControlOptions): Promise<void> {
    return confirm(this.#engine, this.id, options);
  }

  cancel(options?: ControlOptions): Promise<boolean> {
    return cancel(this.#engine, this.id, options);
  }

  signal<In>(contract: Signal<string, In, unknown>, data: In, options?: ControlOptions): Promise<boolean> {
    return sendSignal(this.#engine, this.id, contract, data, options);
  }

  pause(options?: ControlOptions): Promise<boolean> {
    return pause(this.#engine, this.id, options);
  }

  resume(options?: ControlOptions): Promise<boolean> {
    return resume(this.#engine, this.id, options);
  }

  retry(options?: RetryOptions): Promise<void> {
    return retry(this.#engine, this.id, options);
  }

  terminate(options: ReasonedOptions): Promise<readonly string[]> {
    return terminate(this.#engine, this.id, options);
  }

  skip(step: string, options: ReasonedOptions): Promise<void> {
    return skip(this.#engine, this.id, step, options);
  }

  markUndone(step: string, options: ReasonedOptions): Promise<void> {
    return markUndone(this.#engine, this.id, step, options);
  }

  async history(): Promise<readonly JournaledEvent[]> {
    await loadTransaction(this.#engine, this.id);
    return this.#engine.journal.read(this.id);
  }

  async view(): Promise<TransactionView> {
    const state = await loadTransaction(this.#engine, this.id);
    return viewOf((await operatorRules(this.#engine, state)).plan, state);
  }
}

export function runOf<Output>(engine: Engine, outcomes: Outcomes, id: string): SagaRun<Output> & TccRun<Output> {
  return new Run(engine, outcomes, id) as SagaRun<Output> & TccRun<Output>;
}

/** Everything is held, now or before the verdict to confirm. */
function isHeldOn(state: Ended): boolean {
  if (state.status === 'completed') return false;
  return isHeld(state) || state.verdict === 'confirm';
}
