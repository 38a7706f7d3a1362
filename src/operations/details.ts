import type { Json } from '../flows/json.ts';
import type { Plan, PlanStep, StepKind } from '../flows/plan.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import {
  operationIn,
  stepState,
  STUCK,
  TERMINAL,
  type ErrorData,
  type Operation,
  type State,
  type Status,
  type TurnReason,
} from '../machine/state.ts';
import { viewOf } from '../machine/view.ts';
import { loadTransaction, operatorRules, type Engine } from '../producers/engine.ts';
import { attemptsOf, type AttemptRow } from './attempts.ts';
import { auditOf, type AuditRow } from './audit.ts';
import { jobLinksOf, type JobLinkRow } from './job-links.ts';
import { kinOf } from './kin.ts';
import { possibleActs, type PossibleAct } from './possible-acts.ts';
import { Redaction } from '../machine/redaction.ts';

/** A step with its place in the graph and how it stands. `null` is none. */
interface StepDetails {
  readonly name: string;
  readonly service: string | null;
  readonly stage: number;
  readonly kind: StepKind;
  readonly conditional: boolean;
  readonly hasUndo: boolean;
  readonly status: string;
  readonly stuckIn: Operation | null;
  readonly retryAtMs: number | null;
  readonly wait: { readonly kind: 'signal' | 'timer'; readonly untilMs: number | null } | null;
  readonly holdExpiresAtMs: number | null;
  readonly attempts: number;
  readonly input: Json | null;
  readonly result: Json | null;
  readonly error: ErrorData | null;
}

/** Everything there is to know of a transaction, for people's eyes: what its plan marks as sensitive is taken out. `null` is none. */
export interface TransactionDetails {
  readonly id: string;
  readonly kind: Plan['kind'];
  readonly saga: string;
  readonly definitionVersion: number;
  readonly status: Status;
  readonly version: number;
  readonly direction: State['direction'];
  readonly verdict: 'confirm' | 'cancel' | null;
  readonly awaitsVerdict: boolean;
  readonly input: Json;
  readonly output: Json | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs: number | null;
  readonly deadlineAtMs: number | null;
  readonly turn: TurnReason | null;
  readonly pendingTurn: TurnReason | null;
  readonly paused: { readonly by: string; readonly reason: string | null } | null;
  readonly termination: { readonly by: string; readonly reason: string } | null;
  readonly stages: readonly (readonly string[])[];
  readonly steps: readonly StepDetails[];
  readonly attempts: readonly AttemptRow[];
  readonly attemptsOmitted: number;
  readonly notCompensated: readonly string[];
  readonly otherFailures: readonly { readonly step: string; readonly error: ErrorData }[];
  readonly parent: string | null;
  readonly children: readonly { readonly id: string; readonly saga: string; readonly status: Status }[];
  readonly jobs: readonly JobLinkRow[];
  readonly audit: readonly AuditRow[];
  readonly actions: readonly PossibleAct[];
  readonly traceId: string | null;
  readonly nowMs: number;
}

const MOST_ATTEMPTS = 500;
const MOST_AUDIT = 200;

/** The trace that the start belongs to, if one was recorded. */
function traceIdOf([first]: readonly JournaledEvent[]): string | null {
  const traceparent = first !== undefined && 'traceparent' in first.event.data ? first.event.data.traceparent : undefined;
  return typeof traceparent === 'string' ? (/^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent)?.[1] ?? null) : null;
}

function hasUndo({ kind, wait }: PlanStep): boolean {
  return wait === undefined && (kind === 'compensatable' || kind === 'reservation');
}

function stepsOf(plan: Plan, state: State, redaction: Redaction, attempts: readonly AttemptRow[]): StepDetails[] {
  return viewOf(plan, state).steps.map((step) => {
    const { name, service, stage, kind, status, wait, expiresAtMs, input, result, error } = step;
    const planned = plan.steps[name]!;
    const known = stepState(state, name);
    const pending = attempts.findLast((attempt) => attempt.step === name && attempt.outcome === 'open');
    return {
      name,
      service,
      stage,
      kind,
      conditional: planned.conditional,
      hasUndo: hasUndo(planned),
      status,
      stuckIn: known === undefined ? null : (operationIn(known.status, STUCK) ?? null),
      retryAtMs: known?.backingOff === true ? (pending?.queuedAtMs ?? null) : null,
      wait: wait ?? null,
      holdExpiresAtMs: expiresAtMs ?? null,
      attempts: attempts.filter((attempt) => attempt.step === name && attempt.outcome !== 'open').length,
      input: input === undefined ? null : redaction.stepInput(name, input),
      result: result === undefined ? null : redaction.stepResult(name, result),
      error: error === undefined ? null : redaction.error(error),
    };
  });
}

function clean<T>(redaction: Redaction, value: T | undefined): T | null {
  return value === undefined ? null : (redaction.rest(value as Json) as T);
}

/**
 * Everything there is to know of a transaction.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION
 */
export async function describeTransaction(engine: Engine, id: string): Promise<TransactionDetails> {
  const state = await loadTransaction(engine, id);
  const { plan } = await operatorRules(engine, state);
  const [all, kin] = await Promise.all([engine.journal.read(id), kinOf(engine, plan, id)]);
  // What came after the state was read would contradict it.
  const history = all.slice(0, state.version);
  const redaction = new Redaction(plan, state);
  const traceId = traceIdOf(history);
  const attempts = attemptsOf(plan, id, history, traceId);
  const { notCompensated, verdict } = viewOf(plan, state);
  const { audit } = auditOf(id, history);
  const endedAtMs = history.find(({ event }) => ENDS.has(event.type))?.atMs ?? null;
  const shown = attempts.slice(-MOST_ATTEMPTS);
  return {
    id,
    kind: plan.kind,
    saga: state.saga,
    definitionVersion: state.definitionVersion,
    status: state.status,
    version: state.version,
    direction: state.direction,
    verdict: verdict ?? null,
    awaitsVerdict: state.awaitsVerdict === true,
    input: redaction.input(state.input),
    output: clean(redaction, state.output),
    tags: state.tags,
    startedAtMs: history[0]!.atMs,
    updatedAtMs: history.at(-1)!.atMs,
    endedAtMs: TERMINAL.has(state.status) ? endedAtMs : null,
    deadlineAtMs: state.deadlineAtMs,
    turn: clean(redaction, state.turn),
    pendingTurn: clean(redaction, state.pendingTurn),
    paused: state.paused === undefined ? null : { by: state.paused.by, reason: state.paused.reason ?? null },
    termination: state.termination === undefined ? null : { by: state.termination.by, reason: state.termination.reason },
    stages: plan.stages,
    steps: stepsOf(plan, state, redaction, attempts),
    attempts: shown.map((attempt) => ({ ...attempt, error: attempt.error === null ? null : redaction.error(attempt.error) })),
    attemptsOmitted: attempts.length - shown.length,
    notCompensated,
    otherFailures: state.otherFailures.map(({ step, error }) => ({ step, error: redaction.error(error) })),
    parent: kin.parent,
    children: kin.children.map(({ id: child, saga, status }) => ({ id: child, saga, status })),
    jobs: jobLinksOf(engine.queues, plan, state),
    audit: audit.slice(-MOST_AUDIT),
    actions: possibleActs(plan, state),
    traceId,
    nowMs: engine.clock.nowMs(),
  };
}

const ENDS: ReadonlySet<string> = new Set(['saga_completed', 'saga_compensated', 'tcc_confirmed', 'tcc_cancelled', 'saga_terminated']);

export interface AttemptsFound {
  readonly attempts: AttemptRow[];
  readonly from: number;
  readonly total: number;
  readonly version: number;
}

/**
 * The attempts of a transaction, oldest first, without the stacks of their errors; without `from` the last ones.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION
 */
export async function attemptsPage(
  engine: Engine,
  id: string,
  { from, limit = 2_000 }: { readonly from?: number | undefined; readonly limit?: number | undefined } = {},
): Promise<AttemptsFound> {
  const state = await loadTransaction(engine, id);
  const { plan } = await operatorRules(engine, state);
  const history = (await engine.journal.read(id)).slice(0, state.version);
  const redaction = new Redaction(plan, state);
  const all = attemptsOf(plan, id, history, traceIdOf(history));
  const first = from ?? Math.max(0, all.length - limit);
  const attempts = all.slice(first, first + limit).map((attempt): AttemptRow => {
    if (attempt.error === null) return attempt;
    const { stack: _stack, ...error } = redaction.error(attempt.error);
    return { ...attempt, error };
  });
  return { attempts, from: first, total: all.length, version: state.version };
}
