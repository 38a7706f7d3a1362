import { AmendsError } from '../errors.ts';
import type { Bindings, Bound, Values } from './bindings.ts';
import type { SignalUseOptions, UseOptions } from './saga-types.ts';
import { checkName } from './names.ts';
import type { PlanStep, StepKind, WaitPlan } from './plan.ts';
import { DEFAULT_ACTION_POLICY, DEFAULT_COMPENSATION_POLICY, resolvePolicy } from './policy.ts';
import { marked } from './redaction.ts';
import type { AnySignal } from './signal.ts';
import type { AnyStep } from './step.ts';

export type Mapper = (context: Values) => unknown;
export type Condition = (context: Values) => boolean;

/** One node of a saga, with the functions that feed it. */
export interface Use {
  /** Absent for a pause. */
  readonly contract: AnyStep | AnySignal | undefined;
  /** Gives a step's input, and a pause's end. */
  readonly input: Mapper;
  readonly when: Condition | undefined;
  readonly planStep: Omit<PlanStep, 'stage'>;
}

/** The functions of a definition, by the names of its nodes. */
export function bindingsOf(where: string, stages: readonly (readonly Use[])[], returns: Mapper | undefined): Bindings {
  const uses = new Map(stages.flat().map((used) => [used.planStep.name, used]));
  return Object.freeze({
    bind(step: string, context: Values): Bound {
      const used = uses.get(step);
      if (used === undefined) throw new AmendsError('UNKNOWN_DEFINITION', `${where} has no step "${step}"`);
      const taken: unknown = used.when === undefined || used.when(context);
      if (taken instanceof Promise) {
        throw new AmendsError(
          'INVALID_DEFINITION',
          `step "${step}": when gave a promise, which is neither yes nor no: decide from what is known`,
        );
      }
      if (!taken) return { skip: true };
      return { skip: false, args: used.input(context) };
    },
    output: returns,
  });
}

export function checkCondition(where: string, when: unknown): void {
  if (when === undefined || typeof when === 'function') return;
  throw new AmendsError('INVALID_DEFINITION', `${where}: when is a ${typeof when}: give a function, ({ input, results }) => …`);
}

function kindOf(where: string, contract: AnyStep, options: UseOptions): StepKind {
  const marks = (['pivot', 'retriable', 'readOnly'] as const).filter((mark) => options[mark] === true);
  if (marks.length > 1) throw new AmendsError('INVALID_DEFINITION', `${where} is marked ${marks.join(' and ')}: keep one of them`);
  if (marks[0] !== undefined) return marks[0];
  if (contract.handler !== undefined && contract.handler.compensate === undefined) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${where} can't be undone: add compensate to the step, or mark it readOnly: true, pivot: true or retriable: true`,
    );
  }
  return 'compensatable';
}

export function useStep(saga: string, contract: AnyStep, input: Mapper, options: UseOptions & { readonly when?: Condition }): Use {
  if (contract?.kind !== 'step') {
    throw new AmendsError('INVALID_DEFINITION', `saga "${saga}": .step() takes what step({ … }) gives, not ${typeof contract}`);
  }
  const where = `saga "${saga}": step "${contract.name}"`;
  if (typeof input !== 'function') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: say where its input comes from, ({ input, results }) => ({ … })`);
  }
  checkCondition(where, options.when);
  return {
    contract,
    input,
    when: options.when,
    planStep: {
      name: contract.name,
      service: contract.service ?? null,
      kind: kindOf(where, contract, options),
      conditional: options.when !== undefined,
      action: resolvePolicy(where, options, contract.policy),
      compensation: contract.compensationPolicy,
      ...marked({ input: contract.input, result: contract.result }),
    },
  };
}

function waiting(name: string, wait: WaitPlan, conditional: boolean): Omit<PlanStep, 'stage'> {
  const policies = { action: DEFAULT_ACTION_POLICY, compensation: DEFAULT_COMPENSATION_POLICY };
  return { name, service: null, kind: 'readOnly', conditional, ...policies, wait: Object.freeze(wait) };
}

/** A century: a longer wait is a mistake in the unit. */
export const LONGEST_WAIT_MS = 100 * 365.25 * 86_400_000;

export function useSignal(saga: string, contract: AnySignal, options: SignalUseOptions & { readonly when?: Condition }): Use {
  if (contract?.kind !== 'signal') {
    throw new AmendsError('INVALID_DEFINITION', `saga "${saga}": .waitFor() takes what signal({ … }) gives, not ${typeof contract}`);
  }
  const where = `saga "${saga}": the wait for "${contract.name}"`;
  const { timeoutMs = null, onTimeout = 'fail', when } = options;
  if (timeoutMs !== null && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= LONGEST_WAIT_MS)) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${where}: timeoutMs is ${String(timeoutMs)}: give a whole number of milliseconds from 1, or leave it out`,
    );
  }
  if (onTimeout !== 'fail' && onTimeout !== 'continue') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: onTimeout is ${String(onTimeout)}: give 'fail' or 'continue'`);
  }
  if (onTimeout === 'continue' && timeoutMs === null) {
    throw new AmendsError('INVALID_DEFINITION', `${where}: onTimeout says what a timeout means: give timeoutMs as well`);
  }
  checkCondition(where, when);
  const wait: WaitPlan = { kind: 'signal', timeoutMs, onTimeout };
  const planStep = { ...waiting(contract.name, wait, when !== undefined), ...marked({ result: contract.data }) };
  return { contract, input: () => null, when, planStep };
}

export function useSleep(saga: string, given: string, duration: unknown, options: { readonly when?: Condition }): Use {
  const name = checkName('timer', given);
  const where = `saga "${saga}": sleep "${name}"`;
  if (typeof duration !== 'function' && !(typeof duration === 'number' && duration >= 0 && duration <= LONGEST_WAIT_MS)) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${where}: give milliseconds from 0, or a function that gives them or a Date, not ${String(duration)}`,
    );
  }
  checkCondition(where, options.when);
  const input = (context: Values): unknown => {
    const given: unknown = typeof duration === 'function' ? (duration as Mapper)(context) : duration;
    return given instanceof Date ? given.toISOString() : given; // arguments are plain JSON
  };
  return { contract: undefined, input, when: options.when, planStep: waiting(name, { kind: 'timer' }, options.when !== undefined) };
}
