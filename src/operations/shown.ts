import type { Json } from '../flows/json.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import { Redaction } from '../machine/redaction.ts';
import { viewOf, type TransactionView } from '../machine/view.ts';
import { loadTransaction, operatorRules, type Engine } from '../producers/engine.ts';

/** How a transaction stands and all that has happened to it, without what its plan marks as sensitive. */
export interface Shown {
  readonly view: TransactionView;
  readonly history: readonly JournaledEvent[];
}

/** @throws {AmendsError} TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION */
export async function shownOf(engine: Engine, id: string): Promise<Shown> {
  const state = await loadTransaction(engine, id);
  const { plan } = await operatorRules(engine, state);
  const redaction = new Redaction(plan, state);
  const { input, output, turn, steps, ...view } = viewOf(plan, state);
  const clean = <T>(value: T): T => (value === undefined ? value : (redaction.rest(value as Json) as T));
  const history = await engine.journal.read(id);
  return {
    view: {
      ...view,
      input: redaction.input(input),
      output: clean(output),
      turn: clean(turn),
      steps: steps.map((step) => ({
        ...step,
        input: step.input === undefined ? undefined : redaction.stepInput(step.name, step.input),
        result: step.result === undefined ? undefined : redaction.stepResult(step.name, step.result),
        error: clean(step.error),
      })),
    },
    history: history.map(({ event, ...place }) => ({ ...place, event: redaction.event(event) })),
  };
}
