import type { Bindings } from './bindings.ts';
import type { Plan } from './plan.ts';
import type { RetryPolicy } from './policy.ts';
import type { Schema, Show } from './schema.ts';
import type { AnySignal, Signal } from './signal.ts';
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

/** How a saga waits for a signal. */
export interface SignalUseOptions {
  /** Longest wait in milliseconds, by the store's clock. Default: none. */
  readonly timeoutMs?: number;
  /** What a timeout means: `fail` (default) turns the saga back; `continue` goes on, and the signal's result is `undefined`. */
  readonly onTimeout?: 'fail' | 'continue';
}

/** A wait that ends by its signal or with the saga. */
export interface RequiredSignalUseOptions extends SignalUseOptions {
  readonly onTimeout?: 'fail';
}

/** A wait that may end without a signal: its result may be `undefined`. */
export type OptionalSignalUseOptions<Data, Results> = SignalUseOptions &
  (
    | { readonly timeoutMs: number; readonly onTimeout: 'continue' }
    | {
        /** The wait is left out when this gives `false`. Must be a pure function. */
        readonly when: (context: SagaContext<Data, Results>) => boolean;
      }
  );

/** How a saga sleeps. */
export interface SleepOptions<Data, Results> {
  /** The pause is left out when this gives `false`. Must be a pure function. */
  readonly when?: (context: SagaContext<Data, Results>) => boolean;
}

/** How long a saga sleeps: milliseconds from when it gets there, or until a moment. */
export type SleepDuration<Data, Results> = number | ((context: SagaContext<Data, Results>) => number | Date);

export interface SagaOptions<S extends Schema> {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** Raise it when the steps change: sagas in flight end on the plan they began with. */
  readonly version: number;
  /** Parses the input at start. What it gives must be plain JSON. */
  readonly input: S;
  /** When this much time (milliseconds) has passed before the pivot, the saga turns back. Default: none. */
  readonly deadlineMs?: number;
  /**
   * Consecutive steps of one service, or of the saga's own queue, run one after the other in one job. Each is still recorded, timed, retried with
   * its own policy and undone on its own, and after a crash it goes on with the step that is due. Parallel steps, waits and compensations have a
   * job each as ever. It takes fewer round trips; the worker's slot is held for all of these steps, and Bull Board shows one job, named after the
   * first of them. It is part of the plan: raise `version` to change it. Default `false`: a step is a job.
   */
  readonly fuse?: boolean;
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
  /** The signals it waits for, in plan order. */
  readonly signals: readonly AnySignal[];
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
  /** Waits for a signal beside the other branches. */
  waitFor<Name extends string, Sent>(
    // oxlint-disable-next-line typescript/no-explicit-any -- what is sent plays no part in a plan
    contract: Signal<Name, any, Sent> & Unused<Results & Added, Name>,
    options: OptionalSignalUseOptions<Data, Results>,
  ): Branches<Data, Results, Added & { readonly [K in Name]: Sent | undefined }>;
  waitFor<Name extends string, Sent>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Signal<Name, any, Sent> & Unused<Results & Added, Name>,
    options?: RequiredSignalUseOptions,
  ): Branches<Data, Results, Added & { readonly [K in Name]: Sent }>;
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
  /** Waits for a signal that `run.signal()` sends, from any process and at any time: one that came early is not lost. What came with it is kept in `results`, under the signal's name. */
  waitFor<Name extends string, Sent>(
    // oxlint-disable-next-line typescript/no-explicit-any -- what is sent plays no part in a plan
    contract: Signal<Name, any, Sent> & Unused<Results, Name>,
    options: OptionalSignalUseOptions<Data, Results>,
  ): SagaBuilder<In, Data, Results & { readonly [K in Name]: Sent | undefined }>;
  waitFor<Name extends string, Sent>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Signal<Name, any, Sent> & Unused<Results, Name>,
    options?: RequiredSignalUseOptions,
  ): SagaBuilder<In, Data, Results & { readonly [K in Name]: Sent }>;
  /**
   * Pauses. The pause is kept in the store: it ends when all processes were down meanwhile as well.
   *
   * @example .sleep('cooling_off', 86_400_000)
   * @example .sleep('until_delivery', ({ input }) => new Date(input.deliverOn))
   */
  sleep(name: string, duration: SleepDuration<Data, Results>, options?: SleepOptions<Data, Results>): SagaBuilder<In, Data, Results>;
  /** Says what `run.result()` gives. Without it that is the map of all results. */
  returns<Output>(map: (context: SagaContext<Data, Results>) => Output): Saga<In, Output, Results>;
}
