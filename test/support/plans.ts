import * as fc from 'fast-check';
import type { Bindings } from '../../src/flows/bindings.ts';
import { buildPlan, type Plan, type PlanStep, type StepKind, type WaitPlan } from '../../src/flows/plan.ts';

/** What a generated step is, and how its functions behave. */
export interface StepSpec {
  readonly name: string;
  readonly kind: StepKind;
  readonly conditional: boolean;
  /** What its `when` says. */
  readonly skipped: boolean;
  /** Its mapper throws until somebody mends it. */
  readonly broken: boolean;
  readonly attempts: number;
  readonly undoAttempts: number;
  /** It does nothing but wait; a timer for `sleepMs`. */
  readonly wait?: WaitPlan | undefined;
  readonly sleepMs: number;
}

export interface SagaSpec {
  readonly stages: readonly (readonly StepSpec[])[];
  readonly deadlineMs: number | null;
  /** `.returns()` throws. */
  readonly outputThrows: boolean;
}

export const MAX_DELAY_MS = 40;

function planStep({ name, kind, conditional, attempts, undoAttempts, wait }: StepSpec): Omit<PlanStep, 'stage'> {
  const retry = { backoff: 'exponential', delayMs: 10, maxDelayMs: MAX_DELAY_MS, jitter: 0.5 } as const;
  return {
    name,
    service: null,
    kind,
    conditional,
    action: { timeoutMs: 1000, retry: { ...retry, attempts } },
    compensation: { timeoutMs: 1000, retry: { ...retry, attempts: undoAttempts } },
    ...(wait === undefined ? {} : { wait }),
  };
}

export function planOf(spec: SagaSpec): Plan {
  return buildPlan({
    name: 'generated',
    version: 1,
    deadlineMs: spec.deadlineMs,
    stages: spec.stages.map((stage) => stage.map(planStep)),
  });
}

export function byName([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number {
  return a < b ? -1 : 1;
}

/** The functions of a generated saga. A step's arguments are the results its mapper saw. */
export function bindingsOf(spec: SagaSpec, broken: ReadonlySet<string>): Bindings {
  const steps = new Map(spec.stages.flat().map((step) => [step.name, step]));
  return {
    bind(name, { results }) {
      if (broken.has(name)) throw new TypeError(`the mapper of ${name} is broken`);
      const step = steps.get(name);
      if (step?.skipped === true) return { skip: true };
      if (step?.wait !== undefined) return { skip: false, args: step.wait.kind === 'timer' ? step.sleepMs : null };
      return { skip: false, args: { of: name, saw: Object.entries(results).sort(byName) } };
    },
    output({ results }) {
      if (spec.outputThrows) throw new TypeError('returns() is broken');
      return Object.keys(results).sort();
    },
  };
}

const COMPENSATABLE_HEAVY = fc.constantFrom<StepKind>('compensatable', 'compensatable', 'compensatable', 'readOnly');
const RETRIABLE_HEAVY = fc.constantFrom<StepKind>('retriable', 'retriable', 'readOnly');

const behaviour = fc.record({
  conditional: fc.integer({ min: 0, max: 3 }).map((n) => n === 3),
  skipped: fc.boolean(),
  broken: fc.integer({ min: 0, max: 19 }).map((n) => n === 19),
  attempts: fc.integer({ min: 1, max: 4 }),
  undoAttempts: fc.integer({ min: 1, max: 3 }),
  sleepMs: fc.integer({ min: 0, max: 60 }),
  /** What a step that changes nothing waits for, if it does. */
  waits: fc.constantFrom('timer', 'signal', undefined),
  timeoutMs: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 2 }),
  onTimeout: fc.constantFrom<'fail' | 'continue'>('fail', 'continue'),
});

/** Where nothing is undone any more a timeout can't turn the saga back. */
function waitOf(
  kind: StepKind,
  { waits, timeoutMs, onTimeout }: { waits: 'timer' | 'signal' | undefined; timeoutMs: number | null; onTimeout: 'fail' | 'continue' },
  mayFail: boolean,
): WaitPlan | undefined {
  if (kind !== 'readOnly' || waits === undefined) return undefined;
  return waits === 'timer' ? { kind: 'timer' } : { kind: 'signal', timeoutMs, onTimeout: mayFail ? onTimeout : 'continue' };
}

type Unnamed = Omit<StepSpec, 'name'>;

function groups(kinds: fc.Arbitrary<StepKind>, min: number, max: number, mayFail = true): fc.Arbitrary<readonly (readonly Unnamed[])[]> {
  const step = fc.tuple(kinds, behaviour).map(([kind, { waits, timeoutMs, onTimeout, ...how }]): Unnamed => ({
    kind,
    ...how,
    skipped: how.conditional && how.skipped,
    wait: waitOf(kind, { waits, timeoutMs, onTimeout }, mayFail),
  }));
  return fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: min, maxLength: max });
}

/** Valid sagas of 1 to 8 stages: undone steps first, then perhaps a pivot, then perhaps steps that are never undone. */
export const sagas: fc.Arbitrary<SagaSpec> = fc
  .record({
    before: groups(COMPENSATABLE_HEAVY, 0, 4),
    pivot: fc.constantFrom(0, 1, 1, 1).chain((pivots) => groups(fc.constant<StepKind>('pivot'), pivots, pivots)),
    after: groups(RETRIABLE_HEAVY, 0, 3, false),
    deadlineMs: fc.option(fc.integer({ min: 1, max: 600 }), { freq: 1 }),
    outputThrows: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
  })
  .map(({ before, pivot, after, deadlineMs, outputThrows }): SagaSpec => {
    const alone = pivot.map((stage) => stage.slice(0, 1));
    const stages = [...before, ...alone, ...after].map((stage, row) =>
      stage.map((step, column): StepSpec => ({ name: `s${row}${'abc'.charAt(column)}`, ...step })),
    );
    return { stages, deadlineMs, outputThrows };
  })
  .filter(({ stages }) => stages.length > 0);
