import * as z from 'zod';
import type { Json } from '../flows/json.ts';

/** The version of the format. A reader refuses a newer one. */
export const DUMP_FORMAT = 1;

const json = z.custom<Json>((value) => value !== undefined);
const count = z.number().int().nonnegative();
const text = z.string().min(1);

/** A line of a dump, one JSON object. They come in this order of kinds. */
export const dumpLine = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('events'), format: z.literal(DUMP_FORMAT), hash: z.enum(['md5', 'sha1']), head: count }),
  z.object({
    kind: z.literal('event'),
    position: count.min(1),
    type: text,
    id: text,
    version: count.min(1),
    eventId: text,
    eventType: text,
    schemaVersion: count.min(1),
    data: json,
    metadata: z.custom<Readonly<Record<string, Json>>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
    atMs: z.number(),
  }),
  z.object({
    kind: z.literal('stream'),
    type: text,
    id: text,
    firstVersion: count.min(1),
    state: z.enum(['open', 'closed', 'tombstoned']),
  }),
  z.object({ kind: z.literal('key'), subject: text, keyId: text, key: z.base64() }),
  z.object({
    kind: z.literal('subscription'),
    name: text,
    paused: z.boolean(),
    /** Of each partition. */
    positions: z.array(count).min(1),
    parked: z.array(z.object({ position: count.min(1), attempts: count, error: z.string().optional() })),
  }),
  z.object({ kind: z.literal('end'), events: count }),
]);

export type DumpLine = z.output<typeof dumpLine>;
export type DumpedEvent = Extract<DumpLine, { kind: 'event' }>;
export type DumpedSubscription = Extract<DumpLine, { kind: 'subscription' }>;
