import type { Bindings } from './bindings.ts';
import type { Plan } from './plan.ts';
import type { RetryPolicy } from './policy.ts';
import type { Resource } from './resource.ts';
import type { Schema, Show } from './schema.ts';
import type { AnySignal } from './signal.ts';
import type { AnyStep } from './step.ts';

interface ReservationNameTaken<Name extends string> {
  readonly '~problem': `"${Name}" is already a reservation of this tcc`;
}
type Unused<Holds, Name extends string> = Name extends keyof Holds ? ReservationNameTaken<Name> : unknown;

/** What mappers see: the TCC's parsed input and the holds so far, keyed by resource name. */
export interface TccContext<Data, Holds> {
  readonly input: Data;
  readonly holds: Show<Holds>;
}

/** Conditional for the reasons that saga-types.ts gives: literals in the mapper are typed by the contract. */
type InputMapper<In, Context> = [In] extends [infer Given] ? (context: Context) => Given : never;

/** How a resource is reserved in this TCC. */
export interface ReserveOptions {
  /** Overrides the contract's policy for the try in this TCC. */
  readonly retry?: RetryPolicy;
  /** Overrides the contract's timeout of the try in this TCC, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface ConditionalReserveOptions<Data, Holds> extends ReserveOptions {
  /** The reservation is left out when this gives `false`; its hold is then `undefined`. Must be a pure function. */
  readonly when: (context: TccContext<Data, Holds>) => boolean;
}

export interface TccOptions<S extends Schema> {
  /** Letters, digits, `_` and `-`. Not the name of a saga: they are listed together. */
  readonly name: string;
  /** Raise it when the reservations change: TCCs in flight end on the plan they began with. */
  readonly version: number;
  /** Parses the input at start. What it gives must be plain JSON. */
  readonly input: S;
  /** When not everything is held this long after the start (milliseconds), all is cancelled. Needed: holds run out. */
  readonly deadlineMs: number;
  /**
   * What is kept between the verdict and the first expiry of a hold, in milliseconds: confirms arrive in that time, the loss of a worker and
   * clocks that differ included. Default 15 000.
   */
  readonly marginMs?: number;
}

/** A defined TCC: its plan and the functions that feed it. */
export interface Tcc<In, Output, Holds = unknown> {
  readonly kind: 'tcc';
  readonly name: string;
  readonly version: number;
  readonly input: Schema;
  /** The frozen graph. @throws {AmendsError} INVALID_DEFINITION when nothing is reserved yet */
  readonly plan: Plan;
  /** What is reserved, in plan order, as the engine runs it. */
  readonly contracts: readonly AnyStep[];
  readonly signals: readonly AnySignal[];
  /** The mapping functions, for the engine. */
  readonly bindings: Bindings;
  readonly '~types'?: { readonly in: In; readonly output: Output; readonly holds: Holds };
}

/** A TCC of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every TCC
export type AnyTcc = Tcc<any, any, any>;

/** Collects the reservations of a parallel group. */
export interface Reservations<Data, Holds, Added = {}> {
  reserve<Name extends string, In, Hold>(
    // oxlint-disable-next-line typescript/no-explicit-any -- parsed arguments play no part in a plan
    contract: Resource<Name, In, any, Hold> & Unused<Holds & Added, Name>,
    input: InputMapper<In, TccContext<Data, Holds>>,
    options: ConditionalReserveOptions<Data, Holds>,
  ): Reservations<Data, Holds, Added & { readonly [K in Name]: Hold | undefined }>;
  reserve<Name extends string, In, Hold>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Resource<Name, In, any, Hold> & Unused<Holds & Added, Name>,
    input: InputMapper<In, TccContext<Data, Holds>>,
    options?: ReserveOptions,
  ): Reservations<Data, Holds, Added & { readonly [K in Name]: Hold }>;
}

/** Builds a TCC reservation by reservation; every call gives a new builder. */
export interface TccBuilder<In, Data, Holds> extends Tcc<In, Show<Holds>, Holds> {
  /** Reserves a resource when all before it are held. `input` maps what is known so far to what is asked for; it must be a pure function. */
  reserve<Name extends string, ResourceIn, Hold>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Resource<Name, ResourceIn, any, Hold> & Unused<Holds, Name>,
    input: InputMapper<ResourceIn, TccContext<Data, Holds>>,
    options: ConditionalReserveOptions<Data, Holds>,
  ): TccBuilder<In, Data, Holds & { readonly [K in Name]: Hold | undefined }>;
  reserve<Name extends string, ResourceIn, Hold>(
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    contract: Resource<Name, ResourceIn, any, Hold> & Unused<Holds, Name>,
    input: InputMapper<ResourceIn, TccContext<Data, Holds>>,
    options?: ReserveOptions,
  ): TccBuilder<In, Data, Holds & { readonly [K in Name]: Hold }>;
  /** Reserves several resources at the same time; what follows waits for all of them. */
  parallel<Added>(
    build: (reservations: Reservations<Data, Holds>) => Reservations<Data, Holds, Added>,
  ): TccBuilder<In, Data, Holds & Added>;
  /** Says what `run.result()` gives. Without it that is the map of all holds. */
  returns<Output>(map: (context: TccContext<Data, Holds>) => Output): Tcc<In, Output, Holds>;
}
