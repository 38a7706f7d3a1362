import type { Signal } from '../flows/signal.ts';
import { isHeld, type State } from '../machine/state.ts';
import { viewOf } from '../machine/view.ts';
import { cancel, confirm, markUndone, pause, resume, retry, sendSignal, skip, terminate, type ControlOptions } from './control.ts';
import { loadTransaction, operatorRules, type Engine } from './engine.ts';
import { outcomeOf, resultOf, type SagaOutcome } from './outcome.ts';
import { isSettled, type Outcomes, type WaitOptions } from './outcomes.ts';
import type { SagaRun } from './run.ts';
import { tccOutcomeOf, tccResultOf, type TccOutcome } from './tcc-outcome.ts';
import type { TccRun } from './tcc-run.ts';

/** What a handle on any transaction does. */
type CommonRun = Omit<SagaRun<unknown>, 'outcome' | 'result' | 'signal'>;

function commonOf(engine: Engine, id: string): CommonRun {
  return {
    id,
    cancel: (options) => cancel(engine, id, options),
    retry: (options) => retry(engine, id, options),
    pause: (options) => pause(engine, id, options),
    resume: (options) => resume(engine, id, options),
    terminate: (options) => terminate(engine, id, options),
    skip: (step, options) => skip(engine, id, step, options),
    markUndone: (step, options) => markUndone(engine, id, step, options),
    async history() {
      await loadTransaction(engine, id);
      return engine.journal.read(id);
    },
    async view() {
      const state = await loadTransaction(engine, id);
      return viewOf((await operatorRules(engine, state)).plan, state);
    },
  };
}

/** @throws {AmendsError} as {@link SagaRun.outcome} and {@link TccRun.outcome} */
function settled<Outcome>(outcome: Outcome | undefined, { id, status }: State): Outcome {
  if (outcome === undefined) throw new Error(`transaction ${id} was announced while ${status}`);
  return outcome;
}

/** An outcome in the words of its kind, whatever the caller takes the transaction for. */
async function outcomeIn(engine: Engine, state: State): Promise<SagaOutcome<unknown> | TccOutcome<unknown>> {
  if (state.status === 'completed') return settled(outcomeOf(state, undefined), state);
  const { plan } = await operatorRules(engine, state);
  return state.kind === 'tcc' ? settled(tccOutcomeOf(state, plan), state) : settled(outcomeOf(state, plan), state);
}

function isOfTcc(outcome: SagaOutcome<unknown> | TccOutcome<unknown>): outcome is TccOutcome<unknown> {
  return outcome.status === 'confirmed' || outcome.status === 'cancelled' || 'leftovers' in outcome;
}

export function runOf<Output>(engine: Engine, outcomes: Outcomes, id: string): SagaRun<Output> & TccRun<Output> {
  const outcome = async (options?: WaitOptions): Promise<SagaOutcome<unknown> | TccOutcome<unknown>> =>
    outcomeIn(engine, await outcomes.wait(id, options));
  // Assigned, not spread, and not frozen: with functions that would take twenty times as long, and each start makes one of these.
  return Object.assign(commonOf(engine, id), {
    outcome,
    async result(options?: WaitOptions) {
      const ended = await outcome(options);
      return (isOfTcc(ended) ? tccResultOf(id, ended) : resultOf(id, ended)) as Output;
    },
    signal: <In>(contract: Signal<string, In, unknown>, data: In, options?: ControlOptions) =>
      sendSignal(engine, id, contract, data, options),
    async held(options?: WaitOptions): Promise<boolean> {
      return isHeldOn(await outcomes.wait(id, options, (state) => isSettled(state) || isHeldOn(state)));
    },
    confirm: (options?: ControlOptions) => confirm(engine, id, options),
  }) as SagaRun<Output> & TccRun<Output>;
}

/** Everything is held, now or before the verdict to confirm. */
function isHeldOn(state: State): boolean {
  return isHeld(state) || state.verdict === 'confirm';
}
