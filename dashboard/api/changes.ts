import * as z from 'zod';
import { status, transactionId } from './common.ts';

/** `GET events?transaction=…`, at the console's root: server-sent events. */
export const changesQuery = z.strictObject({
  transaction: transactionId.optional(),
  /** For an EventSource that is made anew, and can send no header. */
  lastEventId: z
    .string()
    .max(4_096)
    .regex(/^[\x20-\x7e]*$/, 'give what an event had as its id')
    .optional(),
});

/**
 * First comes an event named `hello`, with the `id` to go on from after a cut and no data but `{}`; every 10 s one named `heartbeat`, with the `id`
 * that was reached. An event named `change`: this transaction has a new version. Several changes of one transaction may come as one, with the last
 * version. Of changes that come together only the last has an `id`, which is where to go on after a cut (`Last-Event-ID`), as an EventSource does by
 * itself: what was told since the last `id` is told again.
 */
export const change = z
  .object({ id: transactionId, version: z.number(), status, saga: z.string(), updatedAtMs: z.number() })
  .meta({ id: 'Change' });
export type Change = z.infer<typeof change>;

/** An event named `reset`: changes may have been missed (too long away, too slow, or the store lost writes). Read again what is shown. */
export const reset = z.object({ reason: z.string() }).meta({ id: 'Reset' });
export type Reset = z.infer<typeof reset>;
