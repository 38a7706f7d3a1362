import * as z from 'zod';
import { errorData, operation, queryNumber, status, timeMs } from './common.ts';

/** One attempt at an operation of a step, as its events tell it. */
export const attempt = z
  .object({
    step: z.string(),
    op: operation,
    /** From 1, by step and operation. */
    attempt: z.number(),
    /** `null`: no worker has told of it yet. */
    worker: z.string().nullable(),
    /** When it was asked for, or its backoff was over. */
    queuedAtMs: timeMs,
    /** `null`: no worker has told of it yet; a first attempt's start is told with its end. */
    startedAtMs: timeMs.nullable(),
    endedAtMs: timeMs.nullable(),
    /** `open`: queued or in work. `failed`: it is known to have had no effect. `unknown`: it failed, and may have had one. `lost`: its worker died. */
    outcome: z.enum(['open', 'succeeded', 'failed', 'unknown', 'lost', 'late', 'withdrawn']),
    error: errorData.nullable(),
    /** The next attempt comes then; `null`: there is none by itself. */
    backoffUntilMs: timeMs.nullable(),
    /** The same for every attempt at this operation. */
    idempotencyKey: z.string(),
    traceId: z.string().nullable(),
    /** The version of the event that ended it; `null` while it is open. */
    version: z.number().nullable(),
  })
  .meta({ id: 'Attempt' });
export type Attempt = z.infer<typeof attempt>;

export const attemptsQuery = z.strictObject({
  /** The first of them to give, from 0. Default: so that the last ones come. */
  from: queryNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Default 2000. */
  limit: queryNumber(1, 2_000).optional(),
});

/** `GET transactions/:id/attempts`: oldest first, errors without their stacks. */
export const attempts = z
  .object({ attempts: z.array(attempt), from: z.number(), total: z.number(), version: z.number() })
  .meta({ id: 'Attempts' });
export type Attempts = z.infer<typeof attempts>;

/** What a person did, from the transaction's own history. */
export const auditEntry = z
  .object({
    version: z.number(),
    atMs: timeMs,
    /** What was done, `retry` for example. */
    action: z.string(),
    step: z.string().nullable(),
    by: z.string(),
    reason: z.string().nullable(),
    /** The status before and after. */
    before: status,
    after: status,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof auditEntry>;
