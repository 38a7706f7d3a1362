import { isTerminal } from '../machine/state.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { restore } from '../queues/advance.ts';
import { parseRootMessage, type RootMessage } from '../queues/messages.ts';
import type { Delivery, Verdict } from '../queues/queue-port.ts';
import { lookAt } from './look-at.ts';
import type { MissingCode } from './missing-code.ts';

/**
 * The root job. It is woken when none of its children is pending, which on a healthy path means that the transaction has ended. Otherwise it is
 * the safety net: it puts back what the journal says is due, and sleeps again.
 */
export async function coordinate(engine: Engine, missing: MissingCode, delivery: Delivery): Promise<Verdict> {
  let message: RootMessage;
  try {
    message = parseRootMessage(delivery.data);
  } catch (error) {
    return { kind: 'failed', error: error as Error };
  }
  const known = engine.transactions.known(message.transaction);
  const state = known !== undefined && isTerminal(known) ? known : await engine.transactions.load(message.transaction);
  if (state === undefined)
    return { kind: 'failed', error: new Error(`parked: there is no transaction ${message.transaction} in the journal`) };
  if (isTerminal(state)) return { kind: 'done', value: state.status };
  const rules = knownRules(engine, state);
  if (rules === undefined) return missing.definition(state, delivery);

  const nudged = await lookAt(engine, rules, state);
  if (isTerminal(nudged.state)) return { kind: 'done', value: nudged.state.status };
  const restored = await restore(engine.queues, rules.plan, nudged.state);
  if (restored > 0) engine.log.warn({ transaction: state.id, restored }, 'put back jobs that were gone');
  return { kind: 'wait' };
}
