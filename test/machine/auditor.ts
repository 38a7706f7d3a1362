import { deepEqual, equal, fail, notEqual, ok } from 'node:assert/strict';
import type { TransactionEvent } from '../../src/machine/event.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { byName, MAX_DELAY_MS, type SagaSpec, type StepSpec } from '../support/plans.ts';
import { expectation, type Expected } from './expectation.ts';
import { Model } from './model.ts';

/** As much of an event as is expected of it: when and by whom an attempt ran is another matter. */
function relevant({ type, data }: TransactionEvent, expected: Expected): Expected {
  const keys = Object.keys(expected.data);
  return { type, data: Object.fromEntries(Object.entries(data).filter(([key]) => keys.includes(key))) };
}

/** Steps that hold a stage open. */
const UNDER_WAY: ReadonlySet<string> = new Set(['open', 'stuck', 'unbound']);

/** Checks every event against the rules of a correct saga, by a model of its own that never looks at the machine's state. */
export class Auditor {
  readonly model: Model;
  readonly #spec: SagaSpec;
  readonly #deadlineAtMs: number | null;
  #nowMs = 0;

  constructor(spec: SagaSpec, deadlineAtMs: number | null) {
    this.model = new Model(spec);
    this.#spec = spec;
    this.#deadlineAtMs = deadlineAtMs;
  }

  /** The events that began it. */
  began(events: readonly TransactionEvent[], broken: ReadonlySet<string>, nowMs: number): void {
    this.#nowMs = nowMs;
    equal(events[0]?.type, 'saga_started');
    this.#follow(events.slice(1), broken);
    this.#expectNothingForgotten(true);
  }

  /** A fact and what the machine made of it. `mayIssue`: the one who decided has the definition at hand. */
  decided(
    fact: Fact,
    outcome: readonly TransactionEvent[] | 'refused',
    { broken, mayIssue, nowMs }: { readonly broken: ReadonlySet<string>; readonly mayIssue: boolean; readonly nowMs: number },
  ): void {
    this.#nowMs = nowMs;
    const expected = expectation(this.model, fact, this.#deadlineAtMs);
    if (outcome === 'refused' || expected === 'refused') {
      equal(outcome, expected, `${fact.type} must ${expected === 'refused' ? '' : 'not '}be refused`);
      return;
    }
    const own = outcome.slice(0, expected.length);
    deepEqual(
      own.map((event, index) => relevant(event, expected[index]!)),
      expected,
    );
    for (const event of own) this.#take(event, fact);
    if (this.model.end !== undefined) equal(outcome.length, expected.length, 'an end is an end');
    this.#follow(outcome.slice(expected.length), broken);
    if (this.model.end === undefined) this.#expectNothingForgotten(mayIssue);
  }

  #take(event: TransactionEvent, fact: Fact): void {
    if (event.type === 'attempt_failed' && fact.type === 'attempt_failed') {
      const { pastPivot, entries } = this.model;
      const forEver = event.data.op === 'compensate' || pastPivot || entries.get(event.data.step)?.spec.kind === 'pivot';
      const left = this.#deadlineAtMs === null || forEver ? Infinity : this.#deadlineAtMs - fact.nowMs;
      const { retryInMs } = event.data;
      ok(retryInMs >= 0 && retryInMs <= Math.min(MAX_DELAY_MS, left), `a delay of ${retryInMs} ms: beyond its cap or the deadline`);
    }
    if (event.type === 'saga_turned') this.#expectMayTurn();
    this.model.apply(event);
  }

  #expectMayTurn(): void {
    equal(this.model.pastPivot, false, 'nothing turns back after the point of no return');
    equal(this.model.pivotInFlight, false, 'nothing turns back while the pivot may still succeed');
    equal(this.model.turned, undefined, 'it turns back once');
  }

  /** What follows by itself: the next stage, the next undo, the end. */
  #follow(events: readonly TransactionEvent[], broken: ReadonlySet<string>): void {
    for (const event of events) {
      equal(this.model.end, undefined, `${event.type} after the end`);
      equal(this.model.paused, false, `${event.type} while it is paused`);
      this.#expectLegal(event, broken);
      this.model.apply(event);
    }
  }

  #expectLegal(event: TransactionEvent, broken: ReadonlySet<string>): void {
    const { model } = this;
    switch (event.type) {
      case 'step_issued':
      case 'step_skipped': {
        const { spec } = this.#expectNext(event.data.step);
        equal(spec.skipped, event.type === 'step_skipped');
        equal(broken.has(spec.name), false);
        if (event.type === 'step_skipped') return;
        if (spec.wait !== undefined) return this.#expectWait(event.data, spec);
        equal(event.data.wait, undefined);
        const seen = model.all.filter(({ run, spec: { wait } }) => run === 'succeeded' && wait?.kind !== 'timer');
        const results = seen.map((entry) => [entry.spec.name, entry.result] as const);
        deepEqual(event.data.args, { of: spec.name, saw: results.sort(byName) }, 'a mapper sees what succeeded, and nothing else');
        return;
      }
      case 'wait_ended': {
        const { spec, run } = model.entry(event.data.step);
        equal(event.data.by, 'signal', 'only a signal that was there ends a wait by itself');
        equal(spec.wait?.kind, 'signal');
        equal(run, 'open');
        equal(model.turned, undefined);
        ok(model.signals.has(spec.name));
        deepEqual(event.data.result, model.signals.get(spec.name));
        return;
      }
      case 'step_stuck':
        equal(event.data.unbound, true, 'only a broken mapper makes a step stuck by itself');
        equal(broken.has(event.data.step), true);
        equal(this.#expectNext(event.data.step).spec.kind === 'retriable' || model.pastPivot, true);
        return;
      case 'step_failed': {
        equal(broken.has(event.data.step), true, 'only a broken mapper fails by itself');
        const { stage } = this.#expectNext(event.data.step);
        const siblings = model.all.filter((entry) => entry.stage === stage);
        deepEqual(
          siblings.filter(({ timesIssued }) => timesIssued > 0),
          [],
        );
        equal(event.data.outcome, 'definite');
        return;
      }
      case 'saga_turned':
        equal(event.data.turn.kind, 'step_failed');
        return this.#expectMayTurn();
      case 'compensation_issued':
        return this.#expectNextUndo(event.data.step);
      case 'saga_completed':
        equal(model.turned, undefined);
        deepEqual(
          model.all.filter(({ run }) => run !== 'succeeded' && run !== 'skipped'),
          [],
        );
        equal(event.data.outputError === undefined, !this.#spec.outputThrows);
        return;
      case 'saga_terminated':
        ok(
          model.all.some(({ undo }) => undo === 'skipped'),
          'by itself it ends as terminated only when an undo was given up',
        );
        deepEqual(event.data.notCompensated, model.standing);
        return this.#expectUnwound();
      case 'saga_compensated':
        equal(
          model.all.some(({ undo }) => undo === 'skipped'),
          false,
          'never compensated with something left behind',
        );
        return this.#expectUnwound();
      default:
        fail(`${event.type} follows from nothing that was told`);
    }
  }

  #expectWait({ args, wait }: Extract<TransactionEvent, { type: 'step_issued' }>['data'], spec: StepSpec): void {
    if (spec.wait?.kind === 'timer') {
      equal(args, spec.sleepMs);
      deepEqual(wait, { untilMs: this.#nowMs + spec.sleepMs });
    } else {
      const timeoutMs = spec.wait?.timeoutMs ?? null;
      deepEqual(wait, { untilMs: timeoutMs === null ? null : this.#nowMs + timeoutMs });
    }
  }

  #expectUnwound(): void {
    const { model } = this;
    notEqual(model.turned, undefined);
    deepEqual(model.open, []);
    equal(model.isStuck, false);
    deepEqual(model.toUndo, []);
  }

  /** A step's turn comes once, forward, when all stages before it are done. */
  #expectNext(step: string): ReturnType<Model['entry']> {
    const entry = this.model.entry(step);
    equal(this.model.turned, undefined, 'no new step after the turn');
    equal(entry.run, 'untouched');
    equal(entry.timesIssued, 0, 'each step is issued at most once');
    const before = this.model.all.filter(({ stage }) => stage < entry.stage);
    deepEqual(
      before.filter(({ run }) => run !== 'succeeded' && run !== 'skipped'),
      [],
    );
    return entry;
  }

  #expectNextUndo(step: string): void {
    const { model } = this;
    notEqual(model.turned, undefined);
    equal(model.pastPivot, false, 'nothing is undone after the point of no return');
    deepEqual(model.open, [], 'no undo while anything is in flight');
    equal(model.isStuck, false, 'no undo while anything is stuck');
    const entry = model.entry(step);
    equal(entry.timesUndone, 0, 'nothing is undone twice');
    equal(model.toUndo[0]?.spec.name, step, 'undone in reverse order of settlement');
    const later = model.toUndo.filter(({ stage }) => stage > entry.stage);
    deepEqual(later, [], 'undone in reverse topological order');
  }

  /** It never stands still: something is in flight, or waits for a person. */
  #expectNothingForgotten(mayIssue: boolean): void {
    const { model } = this;
    if (model.end !== undefined || model.paused) return;
    if (model.turned === undefined && mayIssue) {
      const current = this.#spec.stages.find((steps) =>
        steps.some(({ name }) => !['succeeded', 'skipped'].includes(model.entry(name).run)),
      );
      notEqual(current, undefined, 'all is done, so it has to end');
      const untouched = current!.filter(({ name }) => model.entry(name).run === 'untouched');
      deepEqual(untouched, [], 'the whole stage is due');
      const answered = model.waits.filter(({ spec }) => model.signals.has(spec.name));
      deepEqual(answered, [], 'a wait ends when its signal is there');
    }
    const alive = model.open.length > 0 || model.all.some(({ run, undo }) => UNDER_WAY.has(run) || undo === 'stuck');
    if (mayIssue || model.turned !== undefined) equal(alive, true, 'nothing is in flight and nobody is asked: stranded');
  }
}
