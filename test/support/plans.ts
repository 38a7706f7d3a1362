import * as fc from 'fast-check';
import type { Bindings } from '../../src/flows/bindings.ts';
import { buildPlan, type Plan, type PlanStep, type StepKind } from '../../src/flows/plan.ts';

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
}

export interface SagaSpec {
  readonly stages: readonly (readonly StepSpec[])[];
  readonly deadlineMs: number | null;
  /** `.returns()` throws. */
  readonly outputThrows: boolean;
}

export const MAX_DELAY_MS = 40;

function planStep({ name, kind, conditional, attempts, undoAttempts }: StepSpec): Omit<PlanStep, 'stage'> {
  const retry = { backoff: 'exponential', delayMs: 10, maxDelayMs: MAX_DELAY_MS, jitter: 0.5 } as const;
  return {
    name,
    service: null,
    kind,
    conditional,
    action: { timeoutMs: 1000, retry: { ...retry, attempts } },
    compensation: { timeoutMs: 1000, retry: { ...retry, attempts: undoAttempts } },
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
      if (steps.get(name)?.skipped === true) return { skip: true };
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
});

type Unnamed = Omit<StepSpec, 'name'>;

function groups(kinds: fc.Arbitrary<StepKind>, min: number, max: number): fc.Arbitrary<readonly (readonly Unnamed[])[]> {
  const step = fc.tuple(kinds, behaviour).map(([kind, how]): Unnamed => ({ kind, ...how, skipped: how.conditional && how.skipped }));
  return fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: min, maxLength: max });
}

/** Valid sagas of 1 to 8 stages: undone steps first, then perhaps a pivot, then perhaps steps that are never undone. */
export const sagas: fc.Arbitrary<SagaSpec> = fc
  .record({
    before: groups(COMPENSATABLE_HEAVY, 0, 4),
    pivot: fc.constantFrom(0, 1, 1, 1).chain((pivots) => groups(fc.constant<StepKind>('pivot'), pivots, pivots)),
    after: groups(RETRIABLE_HEAVY, 0, 3),
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
