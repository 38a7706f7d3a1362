import { isTerminal, stepState, STUCK, type State } from '../machine/state.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { restore, stepOfRoot } from '../queues/advance.ts';
import { parseRootMessage, type OperationMessage, type RootMessage } from '../queues/messages.ts';
import type { Delivery, Verdict } from '../queues/queue-port.ts';
import { lookAt } from './look-at.ts';
import type { MissingCode } from './missing-code.ts';
import { missingTransaction } from './missing-transaction.ts';
import type { StepWorker } from './step-worker.ts';
import type { StorePatience } from './store-patience.ts';

export interface CoordinatorOptions {
  readonly engine: Engine;
  readonly missing: MissingCode;
  readonly steps: StepWorker;
  readonly patience: StorePatience;
}

/**
 * Takes root jobs. One is delivered when none of its children is pending, which on a healthy path means that its saga's last step is due, and is
 * carried out in it with those that are fused with it, or that the transaction has ended. Otherwise it is the safety net: it puts back what the journal says is due, and sleeps again.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #engine: Engine;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#engine = options.engine;
  }

  async handle(delivery: Delivery): Promise<Verdict> {
    const { patience, steps } = this.#options;
    let message: RootMessage;
    try {
      message = parseRootMessage(delivery.data);
    } catch (error) {
      return { kind: 'failed', error: error as Error };
    }
    const state = this.#known(message, delivery) ?? (await patience.wait(this.#engine.transactions.load(message.transaction)));
    if (state === undefined) return missingTransaction(message.transaction, delivery);
    const step = this.#stepIn(state);
    if (step === undefined) return patience.wait(this.#look(state, message, delivery));
    const { transaction, saga, recovered, before = 0 } = message;
    const asked: OperationMessage = { transaction, saga, step, op: 'run', before, ...(recovered === undefined ? {} : { recovered }) };
    const verdict = await steps.deliver(asked, delivery);
    if (verdict.kind !== 'done' && verdict.kind !== 'failed') return verdict;
    const after = this.#engine.transactions.known(transaction);
    if (after !== undefined && isTerminal(after)) return { kind: 'done', value: after.status };
    return patience.wait(this.#after(verdict, message, delivery));
  }

  /** What this process remembers, where that is enough: where it shows an end or a step that is due. */
  #known({ transaction, recovered }: RootMessage, { deliveries }: Delivery): State | undefined {
    const known = this.#engine.transactions.known(transaction);
    if (known === undefined || isTerminal(known)) return known;
    const again = deliveries > 1 || recovered === true;
    return !again && this.#stepIn(known) !== undefined ? known : undefined;
  }

  #stepIn(state: State): string | undefined {
    const plan = isTerminal(state) ? undefined : knownRules(this.#engine, state)?.plan;
    return plan && stepOfRoot(plan, state);
  }

  /** The root ends with its transaction, not with a step of it. */
  async #after(verdict: Verdict, message: RootMessage, delivery: Delivery): Promise<Verdict> {
    const { transactions } = this.#engine;
    const state = transactions.known(message.transaction) ?? (await transactions.load(message.transaction));
    if (state === undefined) return verdict;
    if (isTerminal(state)) return { kind: 'done', value: state.status };
    const step = this.#stepIn(state);
    if (step !== undefined && stepState(state, step)?.status === STUCK.run) return verdict;
    // It has turned: whoever recorded that has added what is to be undone.
    return verdict.kind === 'failed' ? this.#sleep(message, delivery) : this.#look(state, message, delivery);
  }

  async #look(state: State, message: RootMessage, delivery: Delivery): Promise<Verdict> {
    const engine = this.#engine;
    if (isTerminal(state)) return { kind: 'done', value: state.status };
    const rules = knownRules(engine, state);
    if (rules === undefined) return this.#options.missing.definition(state, delivery);
    const nudged = await lookAt(engine, rules, state);
    if (isTerminal(nudged.state)) return { kind: 'done', value: nudged.state.status };
    const restored = await restore(engine.queues, rules.plan, nudged.state);
    if (restored > 0) engine.log.warn({ transaction: state.id, restored }, 'put back jobs that were gone');
    return this.#sleep(message, delivery);
  }

  #sleep(message: RootMessage, { failures }: Delivery): Verdict {
    return { kind: 'wait', keep: { ...message, before: failures + 1 } };
  }
}
