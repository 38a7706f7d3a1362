/** Every code an {@link AmendsError} can carry. The union is closed: switch over it and the compiler says what is missing. */
export type ErrorCode =
  | 'INVALID_DEFINITION'
  | 'INVALID_OPTION'
  | 'INVALID_INPUT'
  | 'INVALID_ID'
  | 'PAYLOAD_NOT_JSON'
  | 'PAYLOAD_TOO_LARGE'
  | 'TRANSACTION_CONFLICT'
  | 'TRANSACTION_NOT_FOUND'
  | 'UNKNOWN_DEFINITION'
  | 'PLAN_CHANGED'
  | 'NOT_ALLOWED'
  | 'WRONG_EXPECTED_VERSION'
  | 'EMPTY_BATCH'
  | 'EVENT_ID_REUSED'
  | 'PARTIAL_DUPLICATE'
  | 'REPEATED_EVENT_ID'
  | 'STREAM_CLOSED'
  | 'STREAM_NOT_FOUND'
  | 'STEP_FAILED'
  | 'STEP_TIMED_OUT'
  | 'SAGA_COMPENSATED'
  | 'SAGA_STUCK'
  | 'SAGA_TERMINATED'
  | 'TCC_CANCELLED'
  | 'TCC_STUCK'
  | 'TCC_TERMINATED'
  | 'HOLD_EXPIRED'
  | 'OUTPUT_FAILED'
  | 'OUTCOME_TIMEOUT'
  | 'BARRIER_IN_PROGRESS'
  | 'BARRIER_MISMATCH'
  | 'BARRIER_TORN'
  | 'STORE_UNREACHABLE'
  | 'STORE_UNSAFE'
  | 'STORE_LOCKED'
  | 'STORE_CORRUPT'
  | 'MIGRATION_NEEDED'
  | 'CLOSED';

export interface ErrorOptions {
  /** What went wrong underneath. */
  readonly cause?: unknown;
  /** Facts about this error (ids, versions, limits) for programs; the message carries them for people. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const MARK: unique symbol = Symbol.for('amends.error') as never;

/**
 * The base of every error Amends throws. `code` is stable, the message says what to do next.
 * Use {@link isAmendsError} and not `instanceof` where two copies of the package may be installed.
 */
export class AmendsError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [MARK] = true;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AmendsError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** What `make` gives, made without a stack: to capture and to format one is most of what an error costs. */
export function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Tells whether `value` is an error of Amends (with this code, if one is given), also across two installed copies. */
export function isAmendsError(value: unknown, code?: ErrorCode): value is AmendsError {
  return value instanceof Error && MARK in value && (code === undefined || (value as AmendsError).code === code);
}

/**
 * Thrown by an action to say: *this had no effect*. The step is not undone, the ones before it are.
 * Any other error means that the outcome is unknown: the step is retried, and undone as well when its attempts are used up.
 *
 * @example throw new StepFailed('card declined')
 */
export class StepFailed extends AmendsError {
  /** `true` when another attempt may succeed. Default `false`: a refusal is final. */
  readonly retryable: boolean;

  constructor(message: string, options: ErrorOptions & { readonly retryable?: boolean } = {}) {
    super('STEP_FAILED', message, options);
    this.name = 'StepFailed';
    this.retryable = options.retryable ?? false;
  }
}

/**
 * Thrown by a resource's confirm to say: *the hold has run out and was given away*. It is not tried again; a person has to look, and the TCC is
 * never reported as confirmed.
 *
 * @example throw new HoldExpired(`the five pieces of ${sku} were given back at ${expiresAt.toISOString()}`)
 */
export class HoldExpired extends AmendsError {
  readonly retryable = false;

  constructor(message: string, options: ErrorOptions = {}) {
    super('HOLD_EXPIRED', message, options);
    this.name = 'HoldExpired';
  }
}

/** `run.result()` rejects with this when the TCC was cancelled: nothing is held any more. `cause` is why. */
export class TccCancelledError extends AmendsError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('TCC_CANCELLED', message, options);
    this.name = 'TccCancelledError';
  }
}

/** `run.result()` rejects with this when the TCC waits for a person. `cause` is the error it is stuck on. */
export class TccStuckError extends AmendsError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('TCC_STUCK', message, options);
    this.name = 'TccStuckError';
  }
}

/** `run.result()` rejects with this when the saga was undone. `cause` is the failure that turned it. */
export class SagaCompensatedError extends AmendsError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('SAGA_COMPENSATED', message, options);
    this.name = 'SagaCompensatedError';
  }
}

/** `run.result()` rejects with this when the saga waits for a person. `cause` is the error it is stuck on. */
export class SagaStuckError extends AmendsError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('SAGA_STUCK', message, options);
    this.name = 'SagaStuckError';
  }
}
