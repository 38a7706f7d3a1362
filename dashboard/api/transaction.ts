import * as z from 'zod';
import { action } from './action-names.ts';
import { attempt, auditEntry } from './attempt.ts';
import { errorData, json, kind, operation, status, timeMs, transactionId } from './common.ts';

/** Why it turned back. */
export const turn = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('step_failed'), step: z.string(), error: errorData }),
    z.object({ kind: z.literal('cancelled'), reason: z.string(), by: z.string() }),
    z.object({ kind: z.literal('deadline') }),
  ])
  .meta({ id: 'Turn' });

export const wait = z.object({ kind: z.enum(['signal', 'timer']), untilMs: timeMs.nullable() });

/** A step with its place in the plan's graph and how it stands. Of a TCC: a reservation. */
export const step = z
  .object({
    name: z.string(),
    /** `null`: inline, in the saga's own queue. */
    service: z.string().nullable(),
    /** The steps of one stage run in parallel. */
    stage: z.number(),
    kind: z.enum(['compensatable', 'readOnly', 'pivot', 'retriable', 'reservation']),
    conditional: z.boolean(),
    hasUndo: z.boolean(),
    /** `pending`: not reached. Of a TCC in its own words: `trying`, `held`, `confirming`, …. */
    status: z.string(),
    /** What it is stuck in; `null`: it isn't. */
    stuckIn: operation.nullable(),
    /** It waits for its next attempt until then. */
    retryAtMs: timeMs.nullable(),
    /** It runs nothing but waits. */
    wait: wait.nullable(),
    /** Of a reservation that was asked for: when its hold runs out. */
    holdExpiresAtMs: timeMs.nullable(),
    attempts: z.number(),
    input: json.nullable(),
    /** Of a reservation: the hold. */
    result: json.nullable(),
    error: errorData.nullable(),
  })
  .meta({ id: 'Step' });

/** The job of an operation, or the root job of the transaction. */
export const jobLink = z
  .object({
    /** `null`: the root job. */
    step: z.string().nullable(),
    op: z.enum(['root', 'run', 'compensate', 'confirm', 'renew']),
    queue: z.string(),
    jobId: z.string(),
    /** In Bull Board, relative to where the console is mounted. The job may be gone: finished ones are kept for a while only. */
    url: z.string(),
  })
  .meta({ id: 'JobLink' });

/** `GET transactions/:id`. */
export const transaction = z
  .object({
    id: transactionId,
    kind,
    saga: z.string(),
    definitionVersion: z.number(),
    status,
    version: z.number(),
    direction: z.enum(['forward', 'backward']),
    verdict: z.enum(['confirm', 'cancel']).nullable(),
    awaitsVerdict: z.boolean(),
    input: json,
    output: json.nullable(),
    tags: z.record(z.string(), z.string()),
    startedAtMs: timeMs,
    updatedAtMs: timeMs,
    endedAtMs: timeMs.nullable(),
    deadlineAtMs: timeMs.nullable(),
    turn: turn.nullable(),
    /** A turn that was asked for while the pivot was in flight. */
    pendingTurn: turn.nullable(),
    paused: z.object({ by: z.string(), reason: z.string().nullable() }).nullable(),
    termination: z.object({ by: z.string(), reason: z.string() }).nullable(),
    /** Names of steps by stage, in plan order. */
    stages: z.array(z.array(z.string())),
    steps: z.array(step),
    /** The last attempts, oldest first, 500 at most; all of them follow from the history. */
    attempts: z.array(attempt),
    attemptsOmitted: z.number(),
    /** Steps whose effects stand, or may, although it turned back or was terminated. */
    notCompensated: z.array(z.string()),
    /** Failures after the one that turned it. */
    otherFailures: z.array(z.object({ step: z.string(), error: errorData })),
    parent: transactionId.nullable(),
    children: z.array(z.object({ id: transactionId, saga: z.string(), status })),
    jobs: z.array(jobLink),
    /** The 200 newest, oldest first. */
    audit: z.array(auditEntry),
    /** What can be done now, by the one who asks. */
    actions: z.array(z.object({ action, steps: z.array(z.string()), signals: z.array(z.string()) })),
    /** W3C trace id; `null`: none was recorded. */
    traceId: z.string().nullable(),
    /** The store's time. */
    nowMs: timeMs,
  })
  .meta({ id: 'Transaction' });
export type Transaction = z.infer<typeof transaction>;
export type Step = z.infer<typeof step>;
export type Turn = z.infer<typeof turn>;
export type JobLink = z.infer<typeof jobLink>;
