/** What a mapper sees, untyped: the engine's side of `SagaContext`. */
export interface Values {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
}

/** What a step is to be called with, or that it is skipped. */
export type Bound = { readonly skip: true } | { readonly skip: false; readonly args: unknown };

/** The functions of a definition that feed the plan. They are the user's, so they may throw. */
export interface Bindings {
  bind(step: string, values: Values): Bound;
  /** Absent: all results. */
  readonly output?: ((values: Values) => unknown) | undefined;
}
