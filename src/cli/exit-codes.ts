import { isAmendsError, type ErrorCode } from '../errors.ts';

/** What the process ends with. `--help` prints {@link EXIT_CODES_HELP}. */
export const EXIT = { ok: 0, failed: 1, usage: 2, store: 3, fault: 70, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `Exit codes:
  0    it worked
  1    what was asked about failed: a saga was undone or is stuck, an audit is not net zero
  2    wrong usage or bad input
  3    the store can't be used: not reachable, not safe, in use by another process, not migrated
  70   a fault that was not expected; the stack is on stderr
  130  interrupted by a signal`;

/** Complete on purpose: a new code of the union has to say here what it ends a command with. */
const BY_CODE: Readonly<Record<ErrorCode, ExitCode>> = {
  INVALID_DEFINITION: EXIT.usage,
  INVALID_OPTION: EXIT.usage,
  INVALID_INPUT: EXIT.usage,
  INVALID_ID: EXIT.usage,
  PAYLOAD_NOT_JSON: EXIT.usage,
  PAYLOAD_TOO_LARGE: EXIT.usage,
  TRANSACTION_CONFLICT: EXIT.usage,
  TRANSACTION_NOT_FOUND: EXIT.usage,
  UNKNOWN_DEFINITION: EXIT.usage,
  PLAN_CHANGED: EXIT.usage,
  NOT_ALLOWED: EXIT.usage,
  WRONG_EXPECTED_VERSION: EXIT.usage,
  EMPTY_BATCH: EXIT.usage,
  EVENT_ID_REUSED: EXIT.usage,
  PARTIAL_DUPLICATE: EXIT.usage,
  REPEATED_EVENT_ID: EXIT.usage,
  STREAM_CLOSED: EXIT.usage,
  STREAM_NOT_FOUND: EXIT.usage,
  STEP_FAILED: EXIT.failed,
  STEP_TIMED_OUT: EXIT.failed,
  SAGA_COMPENSATED: EXIT.failed,
  SAGA_STUCK: EXIT.failed,
  SAGA_TERMINATED: EXIT.failed,
  TCC_CANCELLED: EXIT.failed,
  TCC_STUCK: EXIT.failed,
  TCC_TERMINATED: EXIT.failed,
  HOLD_EXPIRED: EXIT.failed,
  OUTPUT_FAILED: EXIT.failed,
  OUTCOME_TIMEOUT: EXIT.failed,
  BARRIER_IN_PROGRESS: EXIT.fault,
  BARRIER_MISMATCH: EXIT.fault,
  BARRIER_TORN: EXIT.fault,
  STORE_UNREACHABLE: EXIT.store,
  STORE_UNSAFE: EXIT.store,
  STORE_LOCKED: EXIT.store,
  STORE_CORRUPT: EXIT.store,
  MIGRATION_NEEDED: EXIT.store,
  CLOSED: EXIT.fault,
};

/** A code that another version of the package made up is a fault to us. */
export function exitCodeOf(error: unknown): ExitCode {
  return isAmendsError(error) ? (BY_CODE[error.code] ?? EXIT.fault) : EXIT.fault;
}
