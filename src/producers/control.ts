import { AmendsError } from '../errors.ts';
import { asJson, hashOf, type Json } from '../flows/json.ts';
import { stepOf } from '../flows/plan.ts';
import { parseWith } from '../flows/schema.ts';
import type { Signal } from '../flows/signal.ts';
import type { Rules } from '../machine/decide.ts';
import { isTerminal, stepState, type State } from '../machine/state.ts';
import { advance, discardGivenUp, endWait, operationJob, redeliver, restore, rootJob, runsInRoot, wake } from '../queues/advance.ts';
import { loadTransaction, operatorRules, type Engine } from './engine.ts';
import { operator } from './operator.ts';

/** Who asks and why; it becomes part of the history. */
export interface ControlOptions {
  readonly reason?: string;
  /** Default: the user and host of this process. */
  readonly by?: string;
  /** Only while it has this version, as its view told it: else WRONG_EXPECTED_VERSION. Default: whatever version it has. */
  readonly expectedVersion?: number;
}

/**
 * Turns a transaction back: what waits is taken back, what runs is told to stop and then undone.
 *
 * @returns `true`: it turns back now, or will if the pivot that is in flight fails; `false`: it had turned back or ended before
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, NOT_ALLOWED (past the pivot)
 */
export async function cancel(
  engine: Engine,
  id: string,
  { reason = 'no reason given', by = operator(), expectedVersion }: ControlOptions = {},
): Promise<boolean> {
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  const { state, events } = await engine.transactions.record(rules, before, { type: 'cancel_requested', reason, by }, expectedVersion);
  await advance(engine.queues, rules.plan, state, events);
  await withdrawIdle(engine, rules, state);
  if (before.paused !== undefined && events.length > 0) await wake(engine.queues, rules.plan, await loadTransaction(engine, id));
  return events.length > 0;
}

/**
 * Gives a TCC that waits for it the verdict to confirm.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, NOT_ALLOWED
 */
export async function confirm(engine: Engine, id: string, { reason, by, expectedVersion }: ControlOptions = {}): Promise<void> {
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  const fact = { type: 'confirm_requested' as const, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
  const { state, events } = await engine.transactions.record(rules, before, fact, expectedVersion);
  await advance(engine.queues, rules.plan, state, events);
  // Told before, perhaps by one who died before it could pass it on.
  if (events.length === 0) await restore(engine.queues, rules.plan, state);
  if (state.verdict === undefined)
    throw new AmendsError('NOT_ALLOWED', `transaction ${id} is ${state.status}: it can't be confirmed any more`, { details: { id } });
}

/** Takes back the actions that no worker has begun. One that is in work hears of the turn from its worker's heartbeat. */
export async function withdrawIdle(engine: Engine, rules: Rules, from: State): Promise<void> {
  if (from.direction === 'forward' && from.pendingTurn === undefined) return;
  let state = from;
  for (const [step, { status, doubtful, attemptsEver }] of Object.entries(from.steps)) {
    if (status !== 'issued') continue;
    // A pivot that may have had its effect stays: only its outcome settles it.
    if (doubtful && stepOf(rules.plan, step).kind === 'pivot') continue;
    const job = operationJob(rules.plan, from.id, step, 'run');
    if (runsInRoot(rules.plan, step, 'run')) {
      await engine.queues.promote(job); // it finds the turn when it is delivered
      continue;
    }
    const failures = await engine.queues.remove(job);
    if (failures === undefined) continue;
    if (failures > attemptsEver) {
      // A delivery of it ended without a record: the worker was lost, perhaps after the effect.
      const lost = await engine.transactions.record(rules, state, { type: 'attempt_lost', step, op: 'run' });
      state = lost.state;
      await advance(engine.queues, rules.plan, state, lost.events);
    }
    const withdrawn = await engine.transactions.record(rules, state, { type: 'withdrawn', step });
    state = withdrawn.state;
    await advance(engine.queues, rules.plan, state, withdrawn.events);
    // Had it become doubtful meanwhile, the machine kept it: then its job is needed after all.
    if (withdrawn.events.length === 0) await restore(engine.queues, rules.plan, state);
  }
}

export interface RetryOptions extends ControlOptions {
  /** Only what this step is stuck in. Default: all that is stuck. */
  readonly step?: string;
}

/**
 * Tries again what a transaction is stuck on, with all its attempts.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, NOT_ALLOWED (it isn't stuck, or that step isn't), UNKNOWN_DEFINITION (it has no such step)
 */
export async function retry(engine: Engine, id: string, options: RetryOptions = {}): Promise<void> {
  const { reason, by = operator(), expectedVersion, step } = options;
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  if (step !== undefined) stepOf(rules.plan, step);
  const fact = {
    type: 'retry_requested' as const,
    by,
    ...(reason === undefined ? {} : { reason }),
    ...(step === undefined ? {} : { step }),
  };
  const { state, events } = await engine.transactions.record(rules, before, fact, expectedVersion);
  if (events.length === 0) {
    const instead = isTerminal(state)
      ? `it has ended as ${state.status}`
      : state.status === 'stuck'
        ? 'it is stuck on something else'
        : `it is ${state.status} and goes on by itself`;
    const what = step === undefined ? `transaction ${id}` : `step "${step}" of transaction ${id}`;
    throw new AmendsError('NOT_ALLOWED', `${what} is not stuck: ${instead}`, { details: { id, status: state.status } });
  }
  await advance(engine.queues, rules.plan, state, events);
  await redeliver(engine.queues, rules.plan, state, events);
}

/**
 * Holds a transaction: what is in work settles, nothing new begins, no deadline strikes. An operator's cancel or terminate ends the pause.
 *
 * @returns `false`: it was paused or had ended before
 * @throws {AmendsError} TRANSACTION_NOT_FOUND
 */
export async function pause(engine: Engine, id: string, options: ControlOptions = {}): Promise<boolean> {
  const { reason, by = operator(), expectedVersion } = options;
  const before = await loadTransaction(engine, id);
  const fact = { type: 'pause_requested' as const, by, ...(reason === undefined ? {} : { reason }) };
  const { events } = await engine.transactions.record(await operatorRules(engine, before), before, fact, expectedVersion);
  return events.length > 0;
}

/**
 * Lets a paused transaction go on.
 *
 * @returns `false`: it was not paused
 * @throws {AmendsError} TRANSACTION_NOT_FOUND
 */
export async function resume(engine: Engine, id: string, options: ControlOptions = {}): Promise<boolean> {
  const { reason, by = operator(), expectedVersion } = options;
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  const fact = { type: 'resume_requested' as const, by, ...(reason === undefined ? {} : { reason }) };
  const { state, events } = await engine.transactions.record(rules, before, fact, expectedVersion);
  await advance(engine.queues, rules.plan, state, events);
  if (events.length > 0) await wake(engine.queues, rules.plan, state);
  return events.length > 0;
}

/**
 * Sends a signal. It is delivered once: sent again with the same data it changes nothing, so a sender may repeat itself; one that comes before
 * the saga waits for it is kept.
 *
 * @returns `false`: it was there before
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, INVALID_INPUT, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, NOT_ALLOWED (no such signal, sent before with other
 * data, no longer waited for, or the saga has ended)
 */
export async function sendSignal<In>(
  engine: Engine,
  id: string,
  { name, data: schema }: Signal<string, In, unknown>,
  given: In,
  { reason, by = operator(), expectedVersion }: ControlOptions = {},
): Promise<boolean> {
  const what = `the data of signal "${name}"`;
  const data = asJson(await parseWith(schema, given, what), what, engine.limits);
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  const { state, events } = await engine.transactions.record(
    rules,
    before,
    { type: 'signal_sent', signal: name, data, by, ...(reason === undefined ? {} : { reason }) },
    expectedVersion,
  );
  if (isTerminal(state) && !isRepeated(state, name, data)) {
    throw new AmendsError('NOT_ALLOWED', `transaction ${id} has ended as ${state.status}: it waits for no signal any more`);
  }
  await advance(engine.queues, rules.plan, state, events);
  // Without the definition the end of the wait is left to a worker; and a sender that died may not have got so far. A resume delivers what is paused.
  const step = stepState(state, name);
  if (step?.wait !== undefined && step.status === 'issued' && state.paused === undefined)
    await endWait(engine.queues, rules.plan, state, name);
  return events.length > 0;
}

function isRepeated(state: State, name: string, data: Json): boolean {
  return Object.hasOwn(state.signals, name) && hashOf(state.signals[name]) === hashOf(data);
}

/** For acts that leave something behind: the reason becomes part of the history. */
export interface ReasonedOptions extends ControlOptions {
  readonly reason: string;
}

function checkReason(reason: unknown): string {
  if (typeof reason === 'string' && reason.trim() !== '') return reason;
  throw new AmendsError('INVALID_OPTION', 'say why: reason is needed, because effects stay behind and somebody will ask');
}

/**
 * Ends a transaction here and now; nothing more is done or undone.
 *
 * @returns the steps whose effects stand, or may
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, INVALID_OPTION (no reason), NOT_ALLOWED (it has ended)
 */
export async function terminate(engine: Engine, id: string, options: ReasonedOptions): Promise<readonly string[]> {
  const { reason, by = operator(), expectedVersion } = options;
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  const fact = { type: 'terminate_requested' as const, by, reason: checkReason(reason) };
  const { state, events } = await engine.transactions.record(rules, before, fact, expectedVersion);
  if (events.length === 0)
    throw new AmendsError('NOT_ALLOWED', `transaction ${id} has ended as ${state.status}: there is nothing to terminate`);
  await discardGivenUp(engine.queues, rules.plan, before, state);
  await engine.queues.promote(rootJob(state));
  return state.termination?.notCompensated ?? [];
}

/**
 * Gives up an undo or a confirm that is stuck: the others go on, and the transaction ends as terminated with that step left behind.
 *
 * @param step `undefined`: all of them that are stuck.
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, INVALID_OPTION (no reason), NOT_ALLOWED (it is not stuck)
 */
export async function skip(engine: Engine, id: string, step: string | undefined, options: ReasonedOptions): Promise<void> {
  return giveUp(engine, id, step, 'skip_requested', options);
}

/**
 * Records that a person has done an undo that is stuck: the others go on, and the transaction can still end as compensated.
 *
 * @param step `undefined`: all of them that are stuck.
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, INVALID_OPTION (no reason), NOT_ALLOWED (it is not stuck)
 */
export async function markUndone(engine: Engine, id: string, step: string | undefined, options: ReasonedOptions): Promise<void> {
  return giveUp(engine, id, step, 'undone_by_hand', options);
}

/** A stuck operation is settled by a person's word. */
async function giveUp(
  engine: Engine,
  id: string,
  step: string | undefined,
  type: 'skip_requested' | 'undone_by_hand',
  { reason, by = operator(), expectedVersion }: ReasonedOptions,
): Promise<void> {
  const before = await loadTransaction(engine, id);
  const rules = await operatorRules(engine, before);
  if (step !== undefined) stepOf(rules.plan, step);
  const fact = { type, by, reason: checkReason(reason), ...(step === undefined ? {} : { step }) };
  const { state, events } = await engine.transactions.record(rules, before, fact, expectedVersion);
  if (events.length === 0)
    throw new AmendsError('NOT_ALLOWED', `transaction ${id} has ended as ${state.status}: there is nothing to undo any more`);
  await advance(engine.queues, rules.plan, state, events);
  await discardGivenUp(engine.queues, rules.plan, before, state);
}
