import type { Json } from '../../src/flows/json.ts';
import type { AnyDefinition } from '../../src/flows/definition.ts';
import { begin, decide, type Rules } from '../../src/machine/decide.ts';
import type { EventData, EventType, TransactionEvent } from '../../src/machine/event.ts';
import { evolveAll } from '../../src/machine/evolve.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { DUE, operationIn, stepState, type FailureOutcome, type Operation, type State, type StepState } from '../../src/machine/state.ts';

export const START_MS = 1_000_000;

interface FailureOptions {
  readonly outcome?: FailureOutcome;
  readonly retryable?: boolean;
  readonly message?: string;
  readonly nowMs?: number;
  readonly random?: number;
  readonly attempt?: number;
}

/** One transaction on the pure machine, told by hand what happens to it. */
export class Transaction {
  rules: Rules;
  readonly journal: TransactionEvent[];
  state: State;

  constructor(
    saga: AnyDefinition,
    { input = {}, deadlineAtMs = null, awaitsVerdict }: { input?: Json; deadlineAtMs?: number | null; awaitsVerdict?: true } = {},
  ) {
    this.rules = { plan: saga.plan, bindings: saga.bindings, nowMs: START_MS };
    const { name, version, fingerprint } = saga.plan;
    const started = { saga: name, definitionVersion: version, fingerprint, input, inputHash: 'h', tags: {}, deadlineAtMs };
    const asTcc = saga.kind === 'tcc' ? { kind: saga.kind, ...(awaitsVerdict === true ? { awaitsVerdict } : {}) } : {};
    this.journal = [...begin(this.rules, 't-1', { ...started, ...asTcc })];
    this.state = evolveAll(undefined, 't-1', this.journal)!;
  }

  /** The operations that have a job now: `run x`, `compensate y`. */
  get inFlight(): readonly string[] {
    return Object.entries(this.state.steps).flatMap(([name, { status }]) => {
      const op = operationIn(status, DUE);
      return op === undefined ? [] : [`${op} ${name}`];
    });
  }

  /** All that was ever issued, in order. */
  get issued(): readonly string[] {
    return this.journal.flatMap((event) => {
      if (event.type === 'step_issued') return [`run ${event.data.step}`];
      return event.type === 'compensation_issued' ? [`compensate ${event.data.step}`] : [];
    });
  }

  get undone(): readonly string[] {
    return this.of('compensation_succeeded').map(({ step }) => step);
  }

  of<T extends EventType>(type: T): readonly EventData<T>[] {
    return this.journal.filter((event) => event.type === type).map(({ data }) => data as EventData<T>);
  }

  step(name: string): StepState {
    const step = stepState(this.state, name);
    if (step === undefined) throw new Error(`step ${name} was not reached`);
    return step;
  }

  /** Decides on the present state and appends; gives the types of the new events. */
  tell(fact: Fact): readonly EventType[] {
    return this.append(decide(this.rules, this.state, fact));
  }

  append(events: readonly TransactionEvent[]): readonly EventType[] {
    this.journal.push(...events);
    this.state = evolveAll(this.state, this.state.id, events)!;
    return events.map(({ type }) => type);
  }

  succeed(step: string, result: Json = { of: step }): readonly EventType[] {
    return this.tell(this.success(step, result));
  }

  /** A definite refusal: no effect, and another attempt would not help. */
  refuse(step: string, message = `${step} refused`): readonly EventType[] {
    return this.fail(step, { outcome: 'definite', retryable: false, message });
  }

  /** By default what any thrown error means: nobody knows, try again. */
  fail(step: string, options: FailureOptions = {}): readonly EventType[] {
    return this.tell(this.failure(step, 'run', options));
  }

  undo(step: string): readonly EventType[] {
    return this.tell({ type: 'compensated', step, ...this.attempt(step) });
  }

  failUndo(step: string, options: FailureOptions = {}): readonly EventType[] {
    return this.tell(this.failure(step, 'compensate', options));
  }

  confirm(step: string): readonly EventType[] {
    return this.tell({ type: 'confirmed', step, ...this.attempt(step) });
  }

  failConfirm(step: string, options: FailureOptions = {}): readonly EventType[] {
    return this.tell(this.failure(step, 'confirm', options));
  }

  /** What is decided from now on is decided then. */
  at(nowMs: number): this {
    this.rules = { ...this.rules, nowMs };
    return this;
  }

  start(step: string, op: Operation = 'run'): readonly EventType[] {
    return this.tell({ type: 'attempt_started', step, op, worker: 'w-1', startedAtMs: START_MS });
  }

  lose(step: string, op: Operation = 'run'): readonly EventType[] {
    return this.tell({ type: 'attempt_lost', step, op });
  }

  withdraw(step: string): readonly EventType[] {
    return this.tell({ type: 'withdrawn', step });
  }

  cancel(reason = 'the customer changed their mind'): readonly EventType[] {
    return this.tell({ type: 'cancel_requested', reason, by: 'ann' });
  }

  retry(reason?: string): readonly EventType[] {
    return this.tell({ type: 'retry_requested', by: 'ann', ...(reason === undefined ? {} : { reason }) });
  }

  deadline(nowMs: number): readonly EventType[] {
    return this.tell({ type: 'deadline_passed', nowMs });
  }

  success(step: string, result: Json = { of: step }, attempt?: number): Extract<Fact, { type: 'succeeded' }> {
    return { type: 'succeeded', step, result, ...this.attempt(step, attempt) };
  }

  failure(step: string, op: Operation, options: FailureOptions = {}): Extract<Fact, { type: 'attempt_failed' }> {
    const { outcome = 'unknown', retryable = true, message = `${step} broke`, nowMs = START_MS, random = 0, attempt } = options;
    const error = { name: 'Error', message };
    return { type: 'attempt_failed', step, op, error, outcome, retryable, random, nowMs, ...this.attempt(step, attempt) };
  }

  private attempt(step: string, attempt = this.step(step).attemptsEver + 1): { attempt: number; worker: string; startedAtMs: number } {
    return { attempt, worker: 'w-1', startedAtMs: START_MS };
  }
}
