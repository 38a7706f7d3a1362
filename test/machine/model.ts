import type { TransactionEvent } from '../../src/machine/event.ts';
import type { FailureOutcome, Operation, TurnReason } from '../../src/machine/state.ts';
import type { SagaSpec, StepSpec } from '../support/plans.ts';

/** What the test itself knows of one step. */
export interface Entry {
  readonly spec: StepSpec;
  readonly stage: number;
  run: 'untouched' | 'unbound' | 'open' | 'stuck' | 'succeeded' | 'failed' | 'skipped' | 'withdrawn';
  undo: 'none' | 'open' | 'stuck' | 'done' | 'skipped';
  outcome: FailureOutcome | undefined;
  result: unknown;
  /** An attempt ended without a word on its effect. */
  doubtful: boolean;
  timesIssued: number;
  timesUndone: number;
  /** Position in the order of settlement; 0: not settled. */
  settledAt: number;
  /** Failed attempts of the operation since it was issued or retried by a person. */
  failures: number;
  /** Attempts of the operation that have ended. */
  ended: number;
  resting: boolean;
  /** Workers lost since it was issued or retried by a person. */
  lost: number;
  /** When its wait ends by itself; `null`: never. */
  untilMs: number | null;
  timedOut: boolean;
  /** In the simulated world its effect is there, or may still arrive. */
  effect: boolean;
}

/** A transaction as the test sees it: told by the facts and the events, and not by the machine's state. */
export class Model {
  readonly entries: ReadonlyMap<string, Entry>;
  turned: TurnReason | undefined;
  pending: TurnReason | undefined;
  paused = false;
  /** What came with the signals that were received. */
  readonly signals = new Map<string, unknown>();
  end: 'completed' | 'compensated' | 'terminated' | undefined;
  #settlements = 0;

  constructor(spec: SagaSpec) {
    this.entries = new Map(spec.stages.flatMap((steps, stage) => steps.map((step) => [step.name, entryOf(step, stage)] as const)));
  }

  get all(): readonly Entry[] {
    return [...this.entries.values()];
  }

  entry(name: string): Entry {
    const found = this.entries.get(name);
    if (found === undefined) throw new Error(`the machine speaks of a step ${name} that isn't there`);
    return found;
  }

  /** Something that has a job now. */
  get open(): readonly { readonly step: string; readonly op: Operation }[] {
    return this.all.flatMap(({ spec, run, undo }): { step: string; op: Operation }[] => {
      if (run === 'open') return [{ step: spec.name, op: 'run' }];
      return undo === 'open' ? [{ step: spec.name, op: 'compensate' }] : [];
    });
  }

  /** The steps that wait now. */
  get waits(): readonly Entry[] {
    return this.all.filter(({ spec, run }) => spec.wait !== undefined && run === 'open');
  }

  get isStuck(): boolean {
    return this.all.some(({ run, undo }) => run === 'stuck' || run === 'unbound' || undo === 'stuck');
  }

  get pastPivot(): boolean {
    return this.all.some(
      ({ spec, run, timesIssued }) =>
        (spec.kind === 'pivot' && run === 'succeeded') || (spec.kind === 'retriable' && (timesIssued > 0 || run === 'unbound')),
    );
  }

  get pivotInFlight(): boolean {
    return this.all.some(({ spec, run }) => spec.kind === 'pivot' && (run === 'open' || run === 'stuck'));
  }

  /** The steps whose effects stand, or may, in plan order: what an operator who ends it leaves behind. */
  get standing(): readonly string[] {
    return this.all.flatMap(({ spec, run, undo, outcome }) => {
      const may = run === 'open' || run === 'stuck' || run === 'succeeded' || (run === 'failed' && outcome === 'unknown');
      return may && undo !== 'done' && spec.kind !== 'readOnly' ? [spec.name] : [];
    });
  }

  /** What is to be undone and hasn't been begun, the last settled first. */
  get toUndo(): readonly Entry[] {
    return this.all
      .filter(({ spec, run, outcome, undo }) => {
        return spec.kind === 'compensatable' && undo === 'none' && (run === 'succeeded' || (run === 'failed' && outcome === 'unknown'));
      })
      .sort((a, b) => b.settledAt - a.settledAt);
  }

  apply(event: TransactionEvent): void {
    switch (event.type) {
      case 'saga_turned':
        this.turned = event.data.turn;
        this.pending = undefined;
        return;
      case 'turn_requested':
        this.pending = event.data.turn;
        return;
      case 'saga_completed':
        this.end = 'completed';
        return;
      case 'saga_compensated':
        this.end = 'compensated';
        return;
      case 'saga_paused':
        this.paused = true;
        return;
      case 'saga_resumed':
        this.paused = false;
        return;
      case 'saga_terminated':
        this.end = 'terminated';
        return;
      case 'saga_started':
        return;
      case 'verdict_reached':
      case 'confirm_issued':
      case 'confirm_succeeded':
      case 'confirm_stuck':
      case 'confirm_skipped':
      case 'hold_renewed':
      case 'tcc_held':
      case 'tcc_confirmed':
      case 'tcc_cancelled':
        throw new Error(`${event.type} in a saga`);
      case 'signal_received':
        this.signals.set(event.data.signal, event.data.data);
        return;
      default:
        this.#applyToStep(this.entry(event.data.step), event);
    }
  }

  #applyToStep(
    entry: Entry,
    event: Exclude<Extract<TransactionEvent, { data: { step: string } }>, { type: `confirm_${string}` | 'hold_renewed' }>,
  ): void {
    switch (event.type) {
      case 'step_issued':
        entry.run = 'open';
        entry.timesIssued++;
        entry.untilMs = event.data.wait?.untilMs ?? null;
        return;
      case 'wait_ended':
        if (event.data.by === 'timeout') Object.assign(entry, { run: 'skipped', timedOut: true });
        else this.#settle(entry, 'succeeded');
        entry.result = event.data.result;
        return;
      case 'step_skipped':
        entry.run = 'skipped';
        return;
      case 'attempt_started':
        entry.resting = false;
        return;
      case 'attempt_lost':
        entry.ended++;
        if (event.data.jobLost !== true) entry.lost++;
        entry.resting = false;
        if (event.data.op === 'run') entry.doubtful = true;
        return;
      case 'attempt_failed':
        entry.ended++;
        entry.failures++;
        entry.resting = true;
        if (event.data.op === 'run' && event.data.outcome === 'unknown') entry.doubtful = true;
        return;
      case 'step_succeeded':
        this.#settle(entry, 'succeeded');
        entry.result = event.data.result;
        if (entry.spec.kind === 'pivot') this.pending = undefined;
        return;
      case 'step_failed':
        this.#settle(entry, 'failed');
        entry.outcome = event.data.outcome;
        return;
      case 'step_withdrawn':
        entry.run = 'withdrawn';
        return;
      case 'step_stuck':
        entry.run = event.data.unbound === true ? 'unbound' : 'stuck';
        if (event.data.unbound === true) return;
        entry.ended++;
        entry.doubtful = true;
        entry.resting = false;
        return;
      case 'compensation_issued':
        Object.assign(entry, { undo: 'open', failures: 0, ended: 0, lost: 0, resting: false });
        return;
      case 'compensation_succeeded':
        entry.undo = 'done';
        entry.timesUndone++;
        return;
      case 'compensation_stuck':
        entry.undo = 'stuck';
        entry.ended++;
        entry.resting = false;
        return;
      case 'compensation_skipped':
        entry.undo = 'skipped';
        return;
      case 'retry_requested':
        if (event.data.op === 'compensate') entry.undo = 'open';
        else entry.run = entry.run === 'unbound' ? 'untouched' : 'open';
        entry.failures = 0;
        entry.lost = 0;
        return;
      case 'step_overdue':
      case 'late_result':
        return;
    }
  }

  #settle(entry: Entry, run: 'succeeded' | 'failed'): void {
    entry.run = run;
    entry.settledAt = ++this.#settlements;
  }
}

function entryOf(spec: StepSpec, stage: number): Entry {
  return {
    spec,
    stage,
    run: 'untouched',
    undo: 'none',
    outcome: undefined,
    result: undefined,
    doubtful: false,
    timesIssued: 0,
    timesUndone: 0,
    settledAt: 0,
    failures: 0,
    ended: 0,
    resting: false,
    lost: 0,
    untilMs: null,
    timedOut: false,
    effect: false,
  };
}
