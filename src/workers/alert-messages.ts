import * as z from 'zod';
import { ALERT_RULES } from '../telemetry/alerts/alert.ts';

/** The queue of the look, which is its only job. */
export const ALERTS = 'alerts';
export const LOOK = 'look';
/** The queue of what is on its way to channels: a slow one holds up no look. */
export const DELIVERIES = 'alert-deliveries';

const finding = {
  rule: z.enum(ALERT_RULES),
  subject: z.string(),
  text: z.string(),
  saga: z.string().optional(),
  step: z.string().optional(),
  transaction: z.string().optional(),
};
const alert = z.strictObject({
  ...finding,
  caseId: z.string(),
  kind: z.enum(['raised', 'repeated', 'resolved']),
  sinceMs: z.number(),
  atMs: z.number(),
  namespace: z.string(),
});

export const lookMessage = z.strictObject({
  kind: z.literal('look'),
  cases: z.record(
    z.string(),
    z.strictObject({ ...finding, sinceMs: z.number(), seenMs: z.number(), toldMs: z.number(), told: z.number() }),
  ),
  /** What follows from the cases and is to be told: they are kept first, so that it is told under the same ids whoever does. */
  telling: z.array(z.strictObject({ alert, number: z.number() })).default([]),
  /** Reports that are in the cases: not yet removed. */
  read: z.array(z.string()),
  /** How far the transactions of each status were looked through. */
  places: z.record(z.string(), z.string()).default({}),
});
export type Look = Readonly<z.infer<typeof lookMessage>>;
export const NOTHING: Look = { kind: 'look', cases: {}, telling: [], read: [], places: {} };

export const deliveryMessage = z.strictObject({ kind: z.literal('deliver'), channel: z.string(), alert });
export type DeliveryMessage = Readonly<z.infer<typeof deliveryMessage>>;
