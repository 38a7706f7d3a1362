import { AmendsError, isAmendsError } from '../errors.ts';
import type { Json } from '../flows/json.ts';
import type { Schema } from '../flows/schema.ts';
import type { Signal } from '../flows/signal.ts';
import { decision, type Rules } from '../machine/decide.ts';
import type { Fact } from '../machine/fact.ts';
import { undoOrder } from '../machine/progress.ts';
import type { State, Status } from '../machine/state.ts';
import { leftBehind, viewOf } from '../machine/view.ts';
import { cancel, confirm, markUndone, pause, resume, retry, sendSignal, skip, terminate } from '../producers/control.ts';
import { loadTransaction, operatorRules, type Engine } from '../producers/engine.ts';
import type { Act } from './possible-acts.ts';

export interface ActOptions {
  /** Of `skip` and `mark_undone`; of `retry`: only this one of several that are stuck. */
  readonly step?: string | undefined;
  /** Of `signal`: its name, and what comes with it. Default `null`. */
  readonly signal?: string | undefined;
  readonly data?: Json | undefined;
}

export interface ActRequest extends ActOptions {
  /** `skip` and `mark_undone` without a step: all that are stuck are meant. */
  readonly everyStep?: boolean | undefined;
  /** The version that was previewed. `undefined`: whatever version it has. */
  readonly version?: number | undefined;
  readonly by: string;
  readonly reason: string;
}

interface Standing {
  readonly status: Status;
  readonly steps: Readonly<Record<string, string>>;
}

/** What an act would lead to at once. */
export interface ActPreview {
  readonly id: string;
  readonly action: Act;
  readonly version: number;
  readonly allowed: boolean;
  readonly text: string;
  readonly before: Standing;
  readonly after: Standing | null;
  readonly willUndo: readonly string[];
  readonly willRetry: readonly string[];
  readonly willLeave: readonly string[];
}

export interface ActResult {
  readonly id: string;
  readonly action: Act;
  readonly changed: boolean;
  readonly version: number;
  readonly before: Status;
  readonly after: Status;
  readonly by: string;
  readonly reason: string;
}

function needed(action: Act, name: 'step' | 'signal', value: string | undefined): string {
  if (value !== undefined) return value;
  throw new AmendsError('INVALID_OPTION', `${action} needs a ${name}: name it`);
}

function factOf(action: Act, { step, signal, data = null }: ActOptions, by: string, reason: string): Fact {
  switch (action) {
    case 'retry':
      return { type: 'retry_requested', by, reason, ...(step === undefined ? {} : { step }) };
    case 'skip':
      return { type: 'skip_requested', step: needed(action, 'step', step), by, reason };
    case 'mark_undone':
      return { type: 'undone_by_hand', step: needed(action, 'step', step), by, reason };
    case 'cancel':
      return { type: 'cancel_requested', by, reason };
    case 'terminate':
      return { type: 'terminate_requested', by, reason };
    case 'pause':
      return { type: 'pause_requested', by, reason };
    case 'resume':
      return { type: 'resume_requested', by, reason };
    case 'signal':
      return { type: 'signal_sent', signal: needed(action, 'signal', signal), data, by, reason };
    case 'confirm':
      return { type: 'confirm_requested', by, reason };
  }
}

function standingOf(rules: Rules, state: State): Standing {
  return { status: state.status, steps: Object.fromEntries(viewOf(rules.plan, state).steps.map(({ name, status }) => [name, status])) };
}

/** What is being undone and what will be, first one first. */
function undosOf(rules: Rules, state: State): readonly string[] {
  if (state.direction === 'forward' || state.status === 'terminated') return [];
  const underWay = Object.entries(state.steps).flatMap(([name, { status }]) => (status === 'compensating' ? [name] : []));
  if (rules.plan.kind === 'tcc') return underWay;
  return [...underWay, ...undoOrder(rules.plan, state)];
}

function inWords(action: Act, rules: Rules, before: State, after: State, retried: readonly string[], options: ActOptions): string {
  const tcc = rules.plan.kind === 'tcc';
  const undo = tcc ? 'cancel' : 'undo';
  const undos = undosOf(rules, after);
  const then = undos.length === 0 ? '' : `will ${undo} ${undos.join(tcc ? ', ' : ', then ')}`;
  const ends = after.status === before.status ? '' : `; it is ${after.status} then`;
  switch (action) {
    case 'retry':
      return `will try again ${retried.join(', ')}${ends}`;
    case 'skip': {
      const next = then === '' ? '' : `; ${then}`;
      return `gives up ${options.step}, whose effect stays${next}${ends}`;
    }
    case 'mark_undone':
      return `takes ${options.step} for undone by hand${then === '' ? '' : `; ${then}`}${ends}`;
    case 'cancel': {
      const running = Object.entries(after.steps).flatMap(([name, { status }]) => (status === 'issued' ? [name] : []));
      const stopping = running.length === 0 ? '' : `will stop ${running.join(', ')}`;
      if (after.pendingTurn !== undefined) return `turns back only if the pivot in flight fails`;
      return [stopping, then].filter((part) => part !== '').join('; ') || `nothing is to be undone${ends}`;
    }
    case 'terminate': {
      const left = after.termination?.notCompensated ?? [];
      return left.length === 0 ? 'ends it here and now; nothing is left behind' : `ends it here and now; left behind: ${left.join(', ')}`;
    }
    case 'pause':
      return 'holds it: what is in work settles, nothing new begins, no deadline strikes';
    case 'resume':
      return `lets it go on${ends}`;
    case 'signal':
      return `sends signal ${options.signal}; its data is checked only where the definition is known${ends}`;
    case 'confirm':
      return 'gives the verdict: everything that is held will be confirmed';
  }
}

function nothingText(action: Act, { step }: ActOptions): string {
  if (action === 'retry' && step !== undefined) return `step "${step}" is not stuck: there is nothing to try again`;
  return 'it is so already, or has ended: this would change nothing';
}

/**
 * Says what an act would lead to. Nothing is changed.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION, INVALID_OPTION (no step or signal)
 */
export async function previewAct(engine: Engine, id: string, action: Act, options: ActOptions = {}): Promise<ActPreview> {
  const state = await loadTransaction(engine, id);
  const rules = { ...(await operatorRules(engine, state)), nowMs: engine.clock.nowMs() };
  const known = { id, action, version: state.version, before: standingOf(rules, state) };
  const nothing = { allowed: false, after: null, willUndo: [], willRetry: [], willLeave: [] };
  const fact = factOf(action, options, 'preview', 'preview');
  try {
    const { events, state: after } = decision(rules, state, fact);
    // With the signal and its data it would be so; with other data refused.
    if (events.length === 0) return { ...known, ...nothing, text: nothingText(action, options) };
    const willRetry = events.flatMap((event) => (event.type === 'retry_requested' ? [event.data.step] : []));
    return {
      ...known,
      allowed: true,
      text: inWords(action, rules, state, after, willRetry, options),
      after: standingOf(rules, after),
      willUndo: undosOf(rules, after),
      willRetry,
      willLeave: after.termination !== undefined ? leftBehind(rules.plan, after) : action === 'skip' ? [options.step!] : [],
    };
  } catch (error) {
    if (!isAmendsError(error, 'NOT_ALLOWED') && !isAmendsError(error, 'UNKNOWN_DEFINITION')) throw error;
    return { ...known, ...nothing, text: error.message };
  }
}

const ANYTHING: Schema = {
  '~standard': { version: 1, vendor: 'amends', validate: (value: unknown) => ({ value }) },
};

/** The signal's contract, where this process has the definition: then its schema checks the data. */
function contractOf(engine: Engine, { saga, definitionVersion }: State, name: string): Signal<string, unknown, unknown> {
  const known = engine.definitions.find(saga, definitionVersion)?.signals.find((signal) => signal.name === name);
  return known ?? { kind: 'signal', name, data: ANYTHING };
}

async function carryOut(
  engine: Engine,
  state: State,
  action: Act,
  { step, everyStep, signal, data = null, version, by, reason }: ActRequest,
): Promise<boolean> {
  const { id } = state;
  const which = (): string | undefined => (everyStep === true ? step : needed(action, 'step', step));
  const options = { by, reason, ...(version === undefined ? {} : { expectedVersion: version }) };
  switch (action) {
    case 'retry':
      await retry(engine, id, step === undefined ? options : { ...options, step });
      return true;
    case 'skip':
      await skip(engine, id, which(), options);
      return true;
    case 'mark_undone':
      await markUndone(engine, id, which(), options);
      return true;
    case 'cancel':
      return cancel(engine, id, options);
    case 'terminate':
      await terminate(engine, id, options);
      return true;
    case 'pause':
      return pause(engine, id, options);
    case 'resume':
      return resume(engine, id, options);
    case 'signal':
      return sendSignal(engine, id, contractOf(engine, state, needed(action, 'signal', signal)), data, options);
    case 'confirm':
      await confirm(engine, id, options);
      return state.verdict === undefined;
  }
}

/**
 * Does to a transaction what a person asks for; who and why goes into its history.
 *
 * @throws {AmendsError} WRONG_EXPECTED_VERSION (it has changed since the preview), NOT_ALLOWED, TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION,
 * INVALID_OPTION, INVALID_INPUT
 */
export async function act(engine: Engine, id: string, action: Act, request: ActRequest): Promise<ActResult> {
  if (request.reason.trim() === '') throw new AmendsError('INVALID_OPTION', 'say why: reason is needed, because somebody will ask');
  const before = await loadTransaction(engine, id);
  const changed = await carryOut(engine, before, action, request);
  const after = await loadTransaction(engine, id);
  const { by, reason } = request;
  return { id, action, changed, version: after.version, before: before.status, after: after.status, by, reason };
}
