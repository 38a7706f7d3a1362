import * as z from 'zod';
import { kind, operation, timeMs, transactionId } from './common.ts';

/**
 * Transactions of one saga that are stuck on the same step with errors alike: of one code or name, and one text but for numbers, ids and what is
 * quoted. The filter `{ saga, status: ['stuck'], step, errorGroup }` finds them.
 */
export const inboxGroup = z
  .object({
    saga: z.string(),
    kind,
    step: z.string(),
    op: operation,
    /** What the one that is stuck longest is stuck on, shortened. */
    error: z.string(),
    /** What their errors have in common. */
    errorGroup: z.string(),
    count: z.number(),
    /** When the longest stuck of them got stuck, and the newest. */
    oldestAtMs: timeMs,
    newestAtMs: timeMs,
    /** The longest stuck first, 5 at most. */
    examples: z.array(z.object({ id: transactionId, stuckSinceMs: timeMs, notCompensated: z.array(z.string()) })),
    /** Of all of them: how often each step's effect stands. */
    notCompensated: z.record(z.string(), z.number()),
  })
  .meta({ id: 'InboxGroup' });
export type InboxGroup = z.infer<typeof inboxGroup>;

/** `GET inbox`: the largest groups first. Covers the 1,000 stuck transactions that started last. */
export const inbox = z
  .object({
    groups: z.array(inboxGroup),
    /** Stuck transactions that were looked at. */
    count: z.number(),
    /** There are more. */
    truncated: z.boolean(),
    nowMs: timeMs,
  })
  .meta({ id: 'Inbox' });
export type Inbox = z.infer<typeof inbox>;
