import type { Bindings } from '../flows/bindings.ts';
import type { PayloadLimits } from '../flows/json.ts';
import type { Plan } from '../flows/plan.ts';
import type { TransactionEvent } from './event.ts';
import { fold } from './evolve.ts';
import { open, type OpenState } from './shape.ts';
import type { State } from './state.ts';

/** What the machine decides by. */
export interface Rules {
  readonly plan: Plan;
  /** Absent where the definition's code isn't at hand (an operator's process): then nothing new is issued, which a worker does later. */
  readonly bindings?: Bindings | undefined;
  readonly limits?: PayloadLimits | undefined;
  /** The store's time, milliseconds since the epoch: from it waits are reckoned. Default 0. */
  readonly nowMs?: number | undefined;
}

/** A decision in the making: the events so far, and the state they lead to. */
export interface Draft {
  readonly rules: Rules;
  /** Where it began, until the first event. */
  state: State;
  readonly events: TransactionEvent[];
  /** The copy that events are folded into; `state` is this one then. */
  opened?: OpenState;
}

export function emit(draft: Draft, event: TransactionEvent): void {
  draft.events.push(event);
  draft.opened ??= open(draft.state);
  draft.state = draft.opened;
  fold(draft.opened, event);
}
