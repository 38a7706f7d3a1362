import * as z from 'zod';
import { status, transactionId } from './common.ts';

/** `GET events?transaction=…`, at the console's root: server-sent events. */
export const changesQuery = z.strictObject({
  transaction: transactionId.optional(),
  /** For an EventSource that is made anew, and can send no header. */
  lastEventId: z.string().max(4_096).optional(),
});

/**
 * First comes an event named `hello`, with the `id` to go on from after a cut and no data but `{}`; every 10 s one named `heartbeat`, without an `id`.
 * An event named `change`: this transaction has a new version. Its `id` is where to go on after a cut (`Last-Event-ID`). Several changes of one
 * transaction may come as one, with the last version.
 */
export const change = z
  .object({ id: transactionId, version: z.number(), status, saga: z.string(), updatedAtMs: z.number() })
  .meta({ id: 'Change' });
export type Change = z.infer<typeof change>;

/** An event named `reset`: changes may have been missed (too long away, or the store lost writes). Read again what is shown. */
export const reset = z.object({ reason: z.string() }).meta({ id: 'Reset' });
export type Reset = z.infer<typeof reset>;
