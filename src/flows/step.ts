import { AmendsError } from '../errors.ts';
import { checkName } from './names.ts';
import { DEFAULT_ACTION_POLICY, DEFAULT_COMPENSATION_POLICY, resolvePolicy, type AttemptPolicy, type RetryPolicy } from './policy.ts';
import { isSchema, type Awaitable, type InputOf, type OutputOf, type Schema } from './schema.ts';

/** Structured log of one attempt: transaction, step and attempt are already in it. */
export interface StepLog {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** What an action is called with. */
export interface StepContext<Args> {
  /** The step's input, parsed by its schema. */
  readonly input: Args;
  readonly sagaId: string;
  /** The step's name. */
  readonly step: string;
  /** What is asked of the step. `verify` is asked about the `run`. */
  readonly op: 'run' | 'compensate';
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same on every delivery of this action: give it to the payment provider, or keep it as a unique key. */
  readonly idempotencyKey: string;
  /** Fires at the timeout, and when the saga is cancelled or undone meanwhile. Pass it on to `fetch` and database clients. */
  readonly signal: AbortSignal;
  readonly log: StepLog;
}

/** What a compensation is called with. `idempotencyKey` is the compensation's own, not the action's. */
export interface CompensationContext<Args, Result> extends StepContext<Args> {
  readonly op: 'compensate';
  /** What the action returned; `undefined` when it was sent but its outcome is unknown: it may or may not have happened. */
  readonly result: Result | undefined;
  /** The key the action ran under, to look up what it did. */
  readonly actionIdempotencyKey: string;
  /** Why the saga is being undone. */
  readonly reason: Error;
}

/** The code of a step. */
export interface StepHandler<Args, Result> {
  /**
   * Does the step. Throw {@link StepFailed} when it had no effect; any other error leaves the outcome unknown: it is retried, and undone as
   * well when the attempts are used up. An error with `retryable: false` is not retried.
   */
  run(context: StepContext<Args>): Awaitable<Result>;
  /**
   * Undoes the step. It must be safe to call twice, and when the action never happened. It is retried until it succeeds.
   * A promise is awaited; what it gives is not used.
   */
  compensate?(context: CompensationContext<Args, Result>): unknown;
  /** Asks whether an action with unknown outcome happened: its result, `'not-done'`, or `'unknown'` to keep asking. */
  verify?(context: StepContext<Args>): PromiseLike<Result | 'not-done' | 'unknown'>;
}

/** What a worker calls. `confirm` is there when it stands for a resource, whose try and cancel are its run and compensate. */
export interface StepCode extends StepHandler<never, unknown> {
  confirm?(context: ConfirmCall): unknown;
  renew?(context: ConfirmCall): unknown;
}

/** What the engine knows when it confirms or renews. */
export interface ConfirmCall extends Omit<StepContext<never>, 'op'> {
  readonly hold: never;
  readonly expiresAtMs: number | undefined;
}

/**
 * Refuses code that can't be called.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 */
export function checkHandler(where: string, { run, compensate, verify }: Partial<StepHandler<never, unknown>>): void {
  for (const [name, code] of Object.entries({ run, compensate, verify })) {
    if (code !== undefined && typeof code !== 'function') {
      throw new AmendsError('INVALID_DEFINITION', `${where}: ${name} is a ${typeof code}: give a function`);
    }
  }
}

/** A step's contract: name, schemas and policies. It holds code only when it was written inline. */
export interface Step<Name extends string, In, Args, Result> {
  readonly kind: 'step';
  readonly name: Name;
  /** The service that runs it; `undefined` for an inline step, which runs where its saga does. */
  readonly service: string | undefined;
  readonly input: Schema;
  readonly result: Schema;
  readonly policy: AttemptPolicy;
  readonly compensationPolicy: AttemptPolicy;
  /** The code of an inline step. */
  readonly handler: StepCode | undefined;
  readonly '~types'?: { readonly in: In; readonly args: Args; readonly result: Result };
}

/** A step of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every step
export type AnyStep = Step<string, any, any, any>;

export interface StepOptions<Name extends string, I extends Schema, O extends Schema> {
  /** Unique in its saga; results are keyed by it. Letters, digits, `_` and `-`. */
  readonly name: Name;
  /** The service whose workers run it, and so the queue it waits in. Needed unless `run` is given here. */
  readonly service?: string;
  /** Parses what the saga hands to the step. What is handed over must be plain JSON. */
  readonly input: I;
  /** Checks what the action returns. The result must be plain JSON. */
  readonly result: O;
  /** Longest run of one attempt, in milliseconds; the outcome of one that takes longer is unknown. Default 30 000. */
  readonly timeoutMs?: number;
  /** Default: 5 attempts, exponential from 200 ms up to 30 s, half of it jitter. */
  readonly retry?: RetryPolicy;
  /** The same for the compensation. Default: 30 000 ms and 10 attempts; after the last one the saga is stuck and waits for a person. */
  readonly compensation?: { readonly timeoutMs?: number; readonly retry?: RetryPolicy };
}

/** The code of an inline step. A conditional type, so that the compiler has resolved it by the schemas when it looks at the code's literals. */
type InlineHandler<I extends Schema, O extends Schema> = [I, O] extends [Schema, Schema]
  ? Partial<StepHandler<OutputOf<I>, OutputOf<O>>>
  : never;

/**
 * Declares a step. With `run` (and `compensate`) it is complete; without, it is a contract that {@link implement} fills in the service's process.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const chargePayment = step({
 *   name: 'charge_payment', service: 'payments',
 *   input: z.object({ orderId: z.string(), cents: z.int() }), result: z.object({ chargeId: z.string() }),
 * });
 */
export function step<const Name extends string, I extends Schema, O extends Schema>(
  options: StepOptions<Name, I, O> & InlineHandler<I, O>,
): Step<Name, InputOf<I>, OutputOf<I>, OutputOf<O>> {
  const name = checkName('step', options.name) as Name;
  const where = `step "${name}"`;
  if (!isSchema(options.input) || !isSchema(options.result)) {
    throw new AmendsError('INVALID_DEFINITION', `${where}: give input and result, each a schema such as z.object({ … })`);
  }
  if (options.service !== undefined) checkName('service', options.service);
  const { run, compensate, verify } = options;
  if (run === undefined && options.service === undefined) {
    throw new AmendsError('INVALID_DEFINITION', `${where}: say which service runs it (service: '…'), or give its code here (run: …)`);
  }
  if (run === undefined && (compensate !== undefined || verify !== undefined)) {
    throw new AmendsError('INVALID_DEFINITION', `${where}: compensate and verify go with run; give all of them here or in implement()`);
  }
  checkHandler(where, options);
  return Object.freeze({
    kind: 'step' as const,
    name,
    service: options.service,
    input: options.input,
    result: options.result,
    policy: resolvePolicy(where, options, DEFAULT_ACTION_POLICY),
    compensationPolicy: resolvePolicy(`${where}: compensation`, options.compensation ?? {}, DEFAULT_COMPENSATION_POLICY),
    handler:
      run === undefined
        ? undefined
        : Object.freeze({ run, ...(compensate === undefined ? {} : { compensate }), ...(verify === undefined ? {} : { verify }) }),
  });
}
