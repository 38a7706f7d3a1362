import * as z from 'zod';
import { bulkAction } from './action-names.ts';
import { queryNumber, status, timeMs, transactionId } from './common.ts';
import { filter, transactionRow } from './transactions.ts';

/** The most transactions of one bulk act. */
export const MOST_OF_BULK = 10_000;

/** `POST bulk/preview`. */
export const bulkPreviewRequest = z.strictObject({ filter, action: bulkAction }).meta({ id: 'BulkPreviewRequest' });
export type BulkPreviewRequest = z.infer<typeof bulkPreviewRequest>;

/** How many there are. A filter with a `step` has only that one tried again, given up or marked. Whether each of them allows it is found when it is done. */
export const bulkPreview = z
  .object({
    action: bulkAction,
    count: z.number(),
    /** There are more than {@link MOST_OF_BULK}: only so many would be done. */
    truncated: z.boolean(),
    byStatus: z.partialRecord(status, z.number()),
    /** The newest. */
    sample: z.array(transactionRow),
  })
  .meta({ id: 'BulkPreview' });
export type BulkPreview = z.infer<typeof bulkPreview>;

/** `POST bulk`. */
export const bulkRequest = z
  .strictObject({
    filter,
    action: bulkAction,
    reason: z.string().trim().min(1).max(1_000),
    /** Default 10. */
    ratePerSecond: z.number().min(0.1).max(1_000).optional(),
  })
  .meta({ id: 'BulkRequest' });
export type BulkRequest = z.input<typeof bulkRequest>;

/** `GET bulk/:id`, and the answer to starting and stopping one. */
export const bulk = z
  .object({
    id: z.string(),
    /** `interrupted`: the process that did it is gone. What it had done stays done, nothing is half done, the rest was not begun. */
    state: z.enum(['running', 'done', 'stopped', 'interrupted', 'failed']),
    action: bulkAction,
    filter,
    reason: z.string(),
    by: z.string(),
    ratePerSecond: z.number(),
    startedAtMs: timeMs,
    endedAtMs: timeMs.nullable(),
    total: z.number(),
    done: z.number(),
    /** It was so before: nothing was to be done. */
    unchanged: z.number(),
    /** It did not fit the filter any more when its turn came: it was left alone. */
    skipped: z.number(),
    failed: z.number(),
    remaining: z.number(),
    /** The first 100. */
    failures: z.array(z.object({ id: transactionId, code: z.string(), message: z.string() })),
    /** Why it ended, when its state is `failed`. */
    error: z.string().nullable(),
    /** Who asked it to stop, and why; `null`: nobody. */
    stop: z.object({ by: z.string(), reason: z.string().nullable() }).nullable(),
  })
  .meta({ id: 'Bulk' });
export type Bulk = z.infer<typeof bulk>;

/** `POST bulk/:id/stop`. */
export const stopBulkRequest = z.strictObject({ reason: z.string().trim().min(1).max(1_000).optional() }).meta({ id: 'StopBulkRequest' });

export const bulksQuery = z.strictObject({ limit: queryNumber(1, 100).optional() });

/** `GET bulk`: the newest first. */
export const bulks = z.object({ bulks: z.array(bulk) }).meta({ id: 'Bulks' });
export type Bulks = z.infer<typeof bulks>;
