import * as z from 'zod';
import { json, queryNumber, timeMs } from './common.ts';

const category = z.string().min(1).max(512);
const position = queryNumber(0, Number.MAX_SAFE_INTEGER);

/** `GET categories` and `GET streams` look back from a position of the log, 2,000 events at a time. Default: from its end. */
export const categoriesQuery = z.strictObject({ before: position.optional() });
export const streamsQuery = z.strictObject({ category: category.optional(), before: position.optional() });

export const categories = z
  .object({
    /** With events in the part that was looked at. The journal, `transaction`, is not among them. */
    categories: z.array(z.object({ name: z.string(), streams: z.number(), events: z.number(), lastAtMs: timeMs })),
    /** Look on from here; `null`: this was the log's beginning. */
    nextBefore: z.number().nullable(),
  })
  .meta({ id: 'Categories' });
export type Categories = z.infer<typeof categories>;

export const streams = z
  .object({
    /** With events in the part that was looked at, the last to change first. May be empty and still have a successor. */
    streams: z.array(z.object({ category: z.string(), id: z.string(), version: z.number(), lastType: z.string(), lastAtMs: timeMs })),
    nextBefore: z.number().nullable(),
  })
  .meta({ id: 'Streams' });
export type Streams = z.infer<typeof streams>;

/** `GET streams/:category/:id`. */
export const streamQuery = z.strictObject({
  /** Give the events after this version. Default 0. */
  after: position.optional(),
  /** Default 100. */
  limit: queryNumber(1, 500).optional(),
});

export const streamEvent = z
  .object({
    version: z.number(),
    eventId: z.string(),
    type: z.string(),
    schemaVersion: z.number(),
    atMs: timeMs,
    /** As stored: fields about people are encrypted. */
    data: json,
    metadata: json,
  })
  .meta({ id: 'StreamEvent' });
export type StreamEvent = z.infer<typeof streamEvent>;

export const stream = z
  .object({
    category: z.string(),
    id: z.string(),
    version: z.number(),
    firstVersion: z.number(),
    state: z.enum(['open', 'closed', 'tombstoned']),
    events: z.array(streamEvent),
    nextAfter: z.number().nullable(),
  })
  .meta({ id: 'Stream' });
export type Stream = z.infer<typeof stream>;
