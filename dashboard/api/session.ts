import * as z from 'zod';
import { action } from './action-names.ts';

/** `GET session`: who asks, what they may do, and what the console needs to know of this installation. */
export const session = z
  .object({
    actor: z.object({
      name: z.string(),
      /** `custom`: an `authorize` function decides. */
      role: z.enum(['operator', 'viewer', 'custom']),
    }),
    /** What they may do to transactions at all; with an `authorize` function it may be refused for a single one. */
    may: z.record(action, z.boolean()),
    mayBulk: z.boolean(),
    store: z.enum(['redis', 'postgres', 'embedded']),
    namespace: z.string(),
    links: z.object({
      /** Bull Board, relative to where the console is mounted. */
      queues: z.string(),
      /** Has `{traceId}` in it; `null`: not configured. */
      trace: z.string().nullable(),
    }),
    /** Name and value of a header that every change must have; `null`: none is needed. */
    changeToken: z.object({ header: z.string(), value: z.string() }).nullable(),
    /** The store's time when this was answered, to correct the browser's clock by. */
    nowMs: z.number(),
    version: z.string(),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof session>;
