import { AmendsError } from '../errors.ts';
import type { Bound, Bindings, Values } from './bindings.ts';
import { checkName } from './names.ts';
import { buildPlan, type Plan, type PlanStep, type StepKind } from './plan.ts';
import { resolvePolicy, type RetryPolicy } from './policy.ts';
import { isSchema, type InputOf, type OutputOf, type Schema, type Show } from './schema.ts';
import type { AnyStep, Step } from './step.ts';

interface StepNameTaken<Name extends string> {
  readonly '~problem': `"${Name}" is already a step of this saga`;
}
type Unused<Results, Name extends string> = Name extends keyof Results ? StepNameTaken<Name> : unknown;

/** What mappers see: the saga's parsed input and the results so far, keyed by step name. */
export interface SagaContext<Data, Results> {
  readonly input: Data;
  readonly results: Show<Results>;
}

/**
 * Gives a step's input. Conditional, so that it is the contract alone that says what that is (`infer` takes no part in the inference of `In`),
 * and so that it is known when the compiler looks at the mapper: literals in it are then typed by the contract, which NoInfer would prevent.
 */
type InputMapper<In, Context> = [In] extends [infer Given] ? (context: Context) => Given : never;

/** How a step is used in this saga. */
export interface UseOptions {
  /** Overrides the contract's policy in this saga. */
  readonly retry?: RetryPolicy;
  /** Overrides the contract's timeout in this saga, in milliseconds. */
  readonly timeoutMs?: number;
  /** The go / no-go step: once it has succeeded nothing is undone. */
  readonly pivot?: boolean;
  /** After the pivot: retried until it succeeds, never undone. */
  readonly retriable?: boolean;
  /** It changes nothing, so there is nothing to undo. */
  readonly readOnly?: boolean;
}

export interface ConditionalUseOptions<Data, Results> extends UseOptions {
  /** The step is skipped when this gives `false`; its result is then `undefined`. Must be a pure function. */
  readonly when: (context: SagaContext<Data, Results>) => boolean;
}

export interface SagaOptions<S extends Schema> {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** Raise it when the steps change: sagas in flight end on the plan they began with. */
  readonly version: number;
  /** Parses the input at start. What it gives must be plain JSON. */
  readonly input: S;
  /** When this much time (milliseconds) has passed before the pivot, the saga turns back. Default: none. */
  readonly deadlineMs?: number;
}

/** A defined saga: its plan and the functions that feed it. */
export interface Saga<In, Output, Results = unknown> {
  readonly kind: 'saga';
  readonly name: string;
  readonly version: number;
  readonly input: Schema;
  /** The frozen graph. @throws {AmendsError} INVALID_DEFINITION when the saga has no step yet */
  readonly plan: Plan;
  /** The contracts in plan order. */
  readonly contracts: readonly AnyStep[];
  /** The mapping functions, for the engine. */
  readonly bindings: Bindings;
  readonly '~types'?: { readonly in: In; readonly output: Output; readonly results: Results };
}

/** A saga of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every saga
export type AnySaga = Saga<any, any, any>;

/** Collects the branches of a parallel group. */
export interface Branches<Data, Results, Added = {}> {
  step<Name extends string, In, Result>(
    // oxlint-disable-next-line typescript/no-explicit-any -- parsed arguments play no part in a plan
    contract: Step<Name, In, any, Result> & Unused<Results & Added, Name>,
    input: InputMapper<In, SagaContext<Data, Results>>,
    options: ConditionalUseOptions<Data, Results>,
  ): Branches<Data, Results, Added & { readonly [K in Name]: Result | undefined }>;
  step<Name extends string, In, Result>(
    // oxlint-disable-next-line typescript/no-explicit-any -- parsed arguments play no part in a plan
    contract: Step<Name, In, any, Result> & Unused<Results & Added, Name>,
    input: InputMapper<In, SagaContext<Data, Results>>,
    options?: UseOptions,
  ): Branches<Data, Results, Added & { readonly [K in Name]: Result }>;
}

/** Builds a saga step by step; every call gives a new builder. */
export interface SagaBuilder<In, Data, Results> extends Saga<In, Show<Results>, Results> {
  /** Adds a step that runs when all before it are done. `input` maps what is known so far to the step's input; it must be a pure function. */
  step<Name extends string, StepIn, Result>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Step<Name, StepIn, any, Result> & Unused<Results, Name>,
    input: InputMapper<StepIn, SagaContext<Data, Results>>,
    options: ConditionalUseOptions<Data, Results>,
  ): SagaBuilder<In, Data, Results & { readonly [K in Name]: Result | undefined }>;
  step<Name extends string, StepIn, Result>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Step<Name, StepIn, any, Result> & Unused<Results, Name>,
    input: InputMapper<StepIn, SagaContext<Data, Results>>,
    options?: UseOptions,
  ): SagaBuilder<In, Data, Results & { readonly [K in Name]: Result }>;
  /** Adds steps that run at the same time; what follows waits for all of them. */
  parallel<Added>(build: (branches: Branches<Data, Results>) => Branches<Data, Results, Added>): SagaBuilder<In, Data, Results & Added>;
  /** Says what `run.result()` gives. Without it that is the map of all results. */
  returns<Output>(map: (context: SagaContext<Data, Results>) => Output): Saga<In, Output, Results>;
}

type Mapper = (context: Values) => unknown;

interface Use {
  readonly contract: AnyStep;
  readonly input: Mapper;
  readonly when: ((context: Values) => boolean) | undefined;
  readonly planStep: Omit<PlanStep, 'stage'>;
}

interface Draft {
  readonly options: Omit<SagaOptions<Schema>, 'deadlineMs'> & { readonly deadlineMs: number | null };
  readonly stages: readonly (readonly Use[])[];
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

function use(saga: string, contract: AnyStep, input: Mapper, options: UseOptions & { readonly when?: (context: Values) => boolean }): Use {
  if (contract?.kind !== 'step') {
    throw new AmendsError('INVALID_DEFINITION', `saga "${saga}": .step() takes what step({ … }) gives, not ${typeof contract}`);
  }
  const where = `saga "${saga}": step "${contract.name}"`;
  if (typeof input !== 'function') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: say where its input comes from, ({ input, results }) => ({ … })`);
  }
  if (options.when !== undefined && typeof options.when !== 'function') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: when is a ${typeof options.when}: give a function, ({ input, results }) => …`);
  }
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
    },
  };
}

function bindingsOf(draft: Draft, returns: Mapper | undefined): Bindings {
  const uses = new Map(draft.stages.flat().map((used) => [used.contract.name, used]));
  return {
    bind(step: string, context: Values): Bound {
      const used = uses.get(step);
      if (used === undefined) throw new AmendsError('UNKNOWN_DEFINITION', `saga "${draft.options.name}" has no step "${step}"`);
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
    output: (context: Values) => (returns === undefined ? context.results : returns(context)),
  };
}

function sagaOf(draft: Draft, returns: Mapper | undefined): AnySaga {
  let plan: Plan | undefined;
  return {
    kind: 'saga',
    name: draft.options.name,
    version: draft.options.version,
    input: draft.options.input,
    get plan(): Plan {
      plan ??= buildPlan({
        name: draft.options.name,
        version: draft.options.version,
        deadlineMs: draft.options.deadlineMs,
        stages: draft.stages.map((stage) => stage.map(({ planStep }) => planStep)),
      });
      return plan;
    },
    contracts: Object.freeze(draft.stages.flat().map(({ contract }) => contract)),
    bindings: Object.freeze(bindingsOf(draft, returns)),
  };
}

/** The branches of a parallel group so far. As with the saga itself, adding one gives a new group, so that types and graph agree. */
class Group {
  readonly saga: string;
  readonly uses: readonly Use[];

  constructor(saga: string, uses: readonly Use[]) {
    this.saga = saga;
    this.uses = uses;
  }

  step(contract: AnyStep, input: Mapper, options: UseOptions = {}): Group {
    return new Group(this.saga, [...this.uses, use(this.saga, contract, input, options)]);
  }
}

function builderOf(draft: Draft): SagaBuilder<unknown, unknown, unknown> {
  const { name } = draft.options;
  const extend = (stage: readonly Use[]): unknown => {
    const next: Draft = { ...draft, stages: [...draft.stages, stage] };
    void sagaOf(next, undefined).plan; // refuses a wrong order at the line that makes it
    return builderOf(next);
  };
  const builder = Object.defineProperties(
    {
      step: (contract: AnyStep, input: Mapper, options: UseOptions | undefined) => extend([use(name, contract, input, options ?? {})]),
      parallel(build: (branches: Branches<never, never>) => unknown): unknown {
        const group: unknown = build(new Group(name, []) as unknown as Branches<never, never>);
        if (group instanceof Group) return extend(group.uses);
        throw new AmendsError(
          'INVALID_DEFINITION',
          `saga "${name}": .parallel() needs the group back: (all) => all.step(…).step(…), without braces or with return`,
        );
      },
      returns(map: Mapper): AnySaga {
        const defined = sagaOf(draft, map);
        void defined.plan;
        return Object.freeze(defined);
      },
    },
    Object.getOwnPropertyDescriptors(sagaOf(draft, undefined)),
  );
  return Object.freeze(builder) as unknown as SagaBuilder<unknown, unknown, unknown>;
}

/**
 * Begins a saga.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const orderSaga = saga({ name: 'order', version: 1, input: OrderInput })
 *   .step(createOrder, ({ input }) => ({ customerId: input.customerId }))
 *   .step(chargePayment, ({ results }) => ({ orderId: results.create_order.orderId }), { pivot: true })
 *   .returns(({ results }) => ({ orderId: results.create_order.orderId }));
 */
export function saga<S extends Schema>(options: SagaOptions<S>): SagaBuilder<InputOf<S>, OutputOf<S>, {}> {
  const name = checkName('saga', options.name);
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_DEFINITION', `saga "${name}": ${problem}`);
  };
  if (!Number.isSafeInteger(options.version) || options.version < 1) {
    refuse(`version is ${String(options.version)}: give a whole number from 1`);
  }
  if (!isSchema(options.input)) refuse('give input, a schema such as z.object({ … })');
  const deadlineMs = options.deadlineMs ?? null;
  if (deadlineMs !== null && (!Number.isSafeInteger(deadlineMs) || deadlineMs < 1)) {
    refuse(`deadlineMs is ${String(deadlineMs)}: give a whole number of milliseconds, or leave it out`);
  }
  return builderOf({ options: { ...options, deadlineMs }, stages: [] }) as unknown as SagaBuilder<InputOf<S>, OutputOf<S>, {}>;
}
