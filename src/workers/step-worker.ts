import { stepOf } from '../flows/plan.ts';
import type { AnyStep, StepCode } from '../flows/step.ts';
import type { Rules } from '../machine/decide.ts';
import { errorFrom } from '../machine/error-data.ts';
import { DUE, isTerminal, stepState, STUCK, type Operation, type State, type StepStatus } from '../machine/state.ts';
import { wakesAtMs } from '../machine/waits.ts';
import { operationWord } from '../machine/words.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { dismiss, isSkipped, operationJob, restore } from '../queues/advance.ts';
import { LONGEST_DELAY_MS } from '../queues/job-options.ts';
import { parseOperationMessage, type OperationMessage } from '../queues/messages.ts';
import type { Delivery, Verdict } from '../queues/queue-port.ts';
import { LazyLog } from '../telemetry/lazy-log.ts';
import { redactionOf } from '../telemetry/redaction.ts';
import type { ActiveOperations } from './active.ts';
import { factOf, verdictOf } from './attempt-outcome.ts';
import { carryOut, type Carried } from './carry-out.ts';
import { carryOutFused } from './fused-steps.ts';
import type { Interrupts } from './interrupts.ts';
import type { MissingCode } from './missing-code.ts';
import { missingTransaction } from './missing-transaction.ts';
import { timeoutOf, type DueOperation } from './operation.ts';
import { Recorder } from './recorder.ts';
import { nextRenewal, renew } from './renew.ts';
import type { StorePatience } from './store-patience.ts';
import type { Work } from './work.ts';

export interface StepWorkerOptions {
  readonly engine: Engine;
  readonly active: ActiveOperations;
  /** The code of the steps this worker can run, by contract name and service. */
  find(contract: AnyStep): StepCode | undefined;
  /** Names this process in the history. */
  readonly worker: string;
  readonly graceMs: number;
  /** Losses after which an operation is stuck. */
  readonly crashLimit: number;
  /** Fires when the worker is being closed. */
  readonly closing: AbortSignal;
  readonly patience: StorePatience;
  readonly missing: MissingCode;
}

/** Operations that were lost more than once are delivered again at random within this time. */
const SPREAD_MS = 2_000;
/** A resume delivers at once what was put off; this is for one that got lost. */
const PAUSE_MS = 5_000;

/** Carries out operations: one delivery in, one verdict out, and the journal always in between. */
export class StepWorker {
  readonly #options: StepWorkerOptions;
  readonly #engine: Engine;
  readonly #recorder: Recorder;

  constructor(options: StepWorkerOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#recorder = new Recorder(options);
  }

  handle(delivery: Delivery): Promise<Verdict> {
    let message: OperationMessage;
    try {
      message = parseOperationMessage(delivery.data);
    } catch (error) {
      return Promise.resolve({ kind: 'failed', error: error as Error });
    }
    return this.deliver(message, delivery);
  }

  /** Carries out what `message` asks for, in the job of this delivery. */
  async deliver(message: OperationMessage, delivery: Delivery): Promise<Verdict> {
    const { transaction: id, step: name } = message;
    if (message.op === 'renew') return this.#renew(message, delivery);
    const { op, before = 0 } = message;
    const log = new LazyLog(this.#engine.log, { transaction: id, step: name, op });
    const again = delivery.deliveries > 1 || message.recovered === true;
    // What this process remembers is enough when it shows the operation as due; else the journal is read.
    const known = again ? undefined : this.#engine.transactions.known(id);
    const isDue = known !== undefined && stepState(known, name)?.status === DUE[op];
    const state = isDue ? known : await this.#options.patience.wait(this.#engine.transactions.load(id));
    if (state === undefined) return missingTransaction(id, delivery);
    if (stepState(state, name) === undefined) {
      log.error({}, 'parked: a job for an operation that its transaction has not');
      return { kind: 'failed', error: new Error(`parked: transaction ${id} has no such operation`) };
    }
    const rules = knownRules(this.#engine, state);
    if (rules === undefined) return this.#options.missing.definition(state, delivery);
    const job = operationJob(rules.plan, id, name, op);
    if (delivery.jobId !== job.jobId) return this.#another(job.jobId, rules, state, log);
    const failures = delivery.failures - before;
    const work: Work = { rules, state, name, op, job, log, delivery, failures, recovered: message.recovered === true };
    if (op === 'run' && stepOf(rules.plan, name).wait !== undefined) return this.#wait(work);
    // Awaited here: a promise that is returned as it is costs two more.
    return await (op === 'run' && rules.plan.fuse === true ? this.#fused(work) : this.#process(work));
  }

  #fused(work: Work): Promise<Verdict> {
    const { engine, patience, closing } = this.#options;
    const process = (one: Work): Promise<Verdict> => this.#process(one);
    const settled = (one: Work, state: State): Promise<Verdict> => this.#settledBefore(one, state);
    return carryOutFused(work, { engine, patience, closing, process, settled });
  }

  /** A hold is to be prolonged, if there is still no verdict. */
  async #renew({ transaction: id, step: name }: OperationMessage, delivery: Delivery): Promise<Verdict> {
    const engine = this.#engine;
    const { patience, active, graceMs } = this.#options;
    const log = new LazyLog(engine.log, { transaction: id, step: name, op: 'renew' });
    const state = await patience.wait(engine.transactions.load(id));
    const step = state && stepState(state, name);
    if (state === undefined || step === undefined)
      return { kind: 'failed', error: new Error(`parked: transaction ${id} holds nothing there`) };
    const rules = knownRules(engine, state);
    if (rules === undefined) return this.#options.missing.definition(state, delivery);
    const nowMs = engine.clock.nowMs();
    const later = nextRenewal({ rules, state, name }, nowMs);
    if (later !== undefined) return later;
    const contract = this.#contractOf(state, name);
    const handler = contract && this.#options.find(contract);
    if (contract === undefined || handler === undefined) return this.#options.missing.code(state, name, delivery);
    const due: DueOperation<'renew'> = { rules, state, step, name, op: 'renew', contract, handler };
    const timeoutMs = timeoutOf(rules.plan, state, name, 'renew', nowMs);
    const { queue, jobId } = operationJob(rules.plan, id, name, 'renew');
    const span = engine.telemetry.tracing.attempt({ state, step: name, operation: 'renew', attempt: delivery.deliveries, queue, jobId });
    const work = (interrupts: Interrupts): Promise<Verdict> =>
      renew(due, {
        nowMs,
        options: { timeoutMs, graceMs, interrupts, attempt: delivery.deliveries, log, payload: engine.limits },
        record: async (fact) => (await this.#recorder.record({ rules }, state, fact)).state,
      });
    const interrupts = active.begin();
    try {
      return await (span === undefined ? work(interrupts) : span.run(() => work(interrupts)));
    } finally {
      active.end(interrupts);
      span?.end('ended');
    }
  }

  #contractOf(state: State, name: string): AnyStep | undefined {
    return this.#engine.definitions.find(state.saga, state.definitionVersion)?.contracts.find((step) => step.name === name);
  }

  /** A step that waits: nothing runs, its time may be up or its signal there. */
  async #wait(work: Work): Promise<Verdict> {
    const { rules, name } = work;
    // What this process remembers may be days old, and a sender without the definition leaves the rest to us.
    let state = (await this.#engine.transactions.load(work.state.id)) ?? work.state;
    if (isTerminal(state)) return this.#settledBefore(work, state);
    if (state.paused !== undefined) return { kind: 'postpone', afterMs: PAUSE_MS };
    const nowMs = this.#engine.clock.nowMs();
    ({ state } = await this.#recorder.record(work, state, { type: 'deadline_passed', nowMs }));
    ({ state } = await this.#recorder.record(work, state, { type: 'wait_due', step: name, nowMs }));
    if (isTerminal(state) || stepState(state, name)?.status !== 'issued') return this.#settledBefore(work, state);
    const wakesMs = wakesAtMs(rules.plan, state, name) ?? Infinity;
    return { kind: 'postpone', afterMs: Math.max(1, Math.min(wakesMs - nowMs, LONGEST_DELAY_MS)) };
  }

  async #process(work: Work): Promise<Verdict> {
    const { rules, name, op, log } = work;
    let state = work.state;
    const status = (): StepStatus | undefined => stepState(state, name)?.status;

    if (isTerminal(state)) return this.#settledBefore(work, state);
    if (op === 'confirm' && state.verdict === undefined) return this.#unasked(work);
    if (state.paused !== undefined) return { kind: 'postpone', afterMs: PAUSE_MS };
    if (status() === STUCK[op]) {
      // The root is delivered for a step in it whose mapper failed before: nobody asked for this delivery, and that it
      // ends as failed is no attempt.
      if (work.delivery.deliveries === 1) {
        await this.#options.patience.wait(work.delivery.keep({ before: work.delivery.failures + 1 }));
        return this.#settledBefore(work, state);
      }
      // Otherwise a stuck operation is delivered only when a person pressed Retry on its job.
      ({ state } = await this.#recorder.record(work, state, { type: 'retry_requested', step: name, by: 'queue' }));
    }
    if (status() !== DUE[op]) return this.#settledBefore(work, state);

    const jobLost = work.failures <= stepState(state, name)!.attemptsEver;
    if (!jobLost || (work.recovered && work.delivery.deliveries === 1)) {
      log.warn({}, 'an earlier delivery of this operation ended without a record: the worker, the store or the job was lost');
      const what = jobLost ? { jobLost: true as const } : { limit: this.#options.crashLimit };
      ({ state } = await this.#recorder.record(work, state, { type: 'attempt_lost', step: name, op, ...what }));
      const { lost } = stepState(state, name)!;
      // One of those that were lost together may be what killed the worker: from the second time on they come back one by one.
      if (lost > 1 && status() === DUE[op]) return { kind: 'postpone', afterMs: Math.round(Math.random() * SPREAD_MS) };
    }
    if (op === 'run') {
      const nowMs = this.#engine.clock.nowMs();
      if (state.deadlineAtMs !== null && nowMs >= state.deadlineAtMs)
        ({ state } = await this.#recorder.record(work, state, { type: 'deadline_passed', nowMs }));
      if (state.direction === 'backward' || state.pendingTurn !== undefined) {
        ({ state } = await this.#recorder.record(work, state, { type: 'withdrawn', step: name }));
      }
    }
    // The records above may have shown what another process did meanwhile: a terminated transaction keeps its steps as they were.
    if (isTerminal(state) || status() !== DUE[op]) return this.#settledBefore(work, state);

    const contract = this.#contractOf(state, name);
    const handler = contract && this.#options.find(contract);
    if (contract === undefined || handler === undefined) return this.#options.missing.code(state, name, work.delivery);
    return await this.#carryOut({ rules, state, step: stepState(state, name)!, name, op, contract, handler }, work);
  }

  /** A second job for an operation: what it counts says nothing of what the operation's own job went through, so it decides nothing. */
  async #another(own: string, rules: Rules, state: State, log: LazyLog): Promise<Verdict> {
    log.warn({ own }, 'nothing done: this operation has a job of its own');
    await this.#options.patience.wait(restore(this.#engine.queues, rules.plan, state));
    return { kind: 'done', value: `left to ${own}` };
  }

  /** A job that no event of the journal stands behind. It must not stay: the one that is asked for later would be taken for it. */
  #unasked({ state, job, log }: Work): Verdict {
    log.error({}, 'refused: a confirm that no verdict has asked for');
    const error = new Error(`refused: transaction ${state.id} has no verdict to confirm`);
    return { kind: 'failed', error, afterwards: () => this.#options.patience.wait(this.#engine.queues.discard(job)) };
  }

  /** A delivery of something that is settled: the job may have died before it passed on what comes next, so that is made good. */
  async #settledBefore({ rules, name, op }: Work, state: State): Promise<Verdict> {
    await this.#options.patience.wait(restore(this.#engine.queues, rules.plan, state, { step: name, op }));
    const step = stepState(state, name);
    const error = errorFrom(step?.error ?? { name: 'Error', message: 'no error on record' });
    if (step?.status === STUCK[op] && !isTerminal(state))
      return { kind: 'failed', error, afterwards: () => this.#takeUp(state.id, name, op) };
    if (op === 'run' && step?.status === 'failed') return { kind: 'failed', error };
    return { kind: 'done', value: step?.status ?? null };
  }

  async #carryOut(due: DueOperation, work: Work): Promise<Verdict> {
    const engine = this.#engine;
    const { worker, active, graceMs } = this.#options;
    const { rules, name, op, log, job } = work;
    const { queue, jobId } = job;
    const number = due.step.attemptsEver + 1;
    const startedAtMs = engine.clock.nowMs();
    const span = engine.telemetry.tracing.attempt({
      state: due.state,
      step: name,
      operation: operationWord(rules.plan, op),
      attempt: number,
      queue,
      jobId,
    });
    const facts = { attempt: number, worker, startedAtMs, ...(span === undefined ? {} : { span: span.id }) };
    let { state } = due;
    if (number > 1) ({ state } = await this.#recorder.record(work, state, { type: 'attempt_started', step: name, op, ...facts }));

    // Only an action is told to stop when the transaction turns back: a compensation is what the turn is for.
    const interrupts = active.begin(op === 'run' ? state.id : undefined);
    const call = (): Promise<Carried> =>
      carryOut(state === due.state ? due : { ...due, state }, {
        timeoutMs: timeoutOf(rules.plan, state, name, op, startedAtMs),
        graceMs,
        interrupts,
        attempt: number,
        log: log.child({ attempt: number }, redactionOf(due.contract)),
        payload: engine.limits,
      });
    let carried: Carried;
    try {
      carried = await (span === undefined ? call() : span.run(call));
    } finally {
      active.end(interrupts);
    }
    span?.end(carried.kind, carried.kind === 'failed' ? carried.error : undefined);
    if (carried.kind === 'given up') {
      // Whoever takes it over must know that it may have had its effect. Without a limit: it has killed nobody.
      await this.#recorder.record(work, state, { type: 'attempt_lost', step: name, op });
      log.warn({}, 'given up for another worker: this one is being closed');
      return { kind: 'again', afterMs: 0, error: new Error('given up in its middle: its worker was closed') };
    }
    const fact = factOf(carried, due, facts, engine.clock.nowMs());
    const recorded = await this.#recorder.recordOutcome(work, state, fact);
    if (carried.kind === 'failed' && carried.late !== undefined) void this.#recordLate(carried.late, due, facts, log);
    return verdictOf(carried, recorded, due, () => this.#takeUp(due.state.id, name, op));
  }

  /** An operator who saw "stuck" in the journal may have acted before the job had arrived in `failed`, where a retry or a removal finds it. */
  async #takeUp(id: string, name: string, op: Operation): Promise<void> {
    const { patience } = this.#options;
    const state = await patience.wait(this.#engine.transactions.load(id));
    const rules = state && knownRules(this.#engine, state);
    if (state === undefined || rules === undefined) return;
    const status = stepState(state, name)?.status;
    if (isTerminal(state) || isSkipped(status)) await patience.wait(dismiss(this.#engine.queues, rules.plan, id, { step: name, op }));
    else if (status === DUE[op]) await patience.wait(this.#engine.queues.retry(operationJob(rules.plan, id, name, op)));
  }

  /** Keeps for the record what an action answered after its time was up. The machine never uses it. */
  async #recordLate(
    late: NonNullable<Extract<Carried, { kind: 'failed' }>['late']>,
    due: DueOperation,
    facts: { attempt: number; worker: string; startedAtMs: number },
    log: LazyLog,
  ): Promise<void> {
    try {
      const answer = await late;
      if (answer.kind !== 'returned') return;
      const state = await this.#engine.transactions.load(due.state.id);
      if (state !== undefined)
        await this.#engine.transactions.record(due.rules, state, { type: 'answered_late', step: due.name, ...facts });
    } catch (error) {
      log.warn({ err: error }, 'a late answer could not be recorded');
    }
  }
}
