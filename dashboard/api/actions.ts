import * as z from 'zod';
import { action } from './action-names.ts';
import { json, name, status, transactionId } from './common.ts';

/** `skip` and `mark_undone` need the step, `signal` its name; `retry` may have a step, and is then of that one only. */
export const previewQuery = z.strictObject({ step: name.optional(), signal: name.optional() });

const standing = z.object({ status, steps: z.record(z.string(), z.string()) });

/** `GET transactions/:id/actions/:action/preview`: what it would lead to at once. Nothing is changed. */
export const preview = z
  .object({
    id: transactionId,
    action,
    /** To be given with the act: it is refused when the transaction has changed meanwhile. */
    version: z.number(),
    /** `false`: the rules forbid it now; `text` says why. */
    allowed: z.boolean(),
    /** `will undo charge_card, then reserve_stock`. */
    text: z.string(),
    before: standing,
    /** `null` when it isn't allowed. */
    after: standing.nullable(),
    /** Steps that will be undone, first one first. */
    willUndo: z.array(z.string()),
    /** Steps whose job is delivered again. */
    willRetry: z.array(z.string()),
    /** Steps whose effects will stand for good. */
    willLeave: z.array(z.string()),
  })
  .meta({ id: 'Preview' });
export type Preview = z.infer<typeof preview>;

/** `POST transactions/:id/actions/:action`. */
export const actionRequest = z
  .strictObject({
    /** The version that was previewed. */
    version: z.number().int().min(1),
    /** Why; it becomes part of the history. */
    reason: z.string().trim().min(1).max(1_000),
    /** Of `skip` and `mark_undone`; of `retry`: only this one of several that are stuck. */
    step: name.optional(),
    signal: name.optional(),
    /** What comes with a signal. Default `null`. */
    data: json.optional(),
  })
  .meta({ id: 'ActionRequest' });
export type ActionRequest = z.input<typeof actionRequest>;

/** Its answer. An act whose version is not the present one gets 409 with the code `WRONG_EXPECTED_VERSION`. */
export const actionResult = z
  .object({
    id: transactionId,
    action,
    /** `false`: it changes nothing, because it was so before. */
    changed: z.boolean(),
    version: z.number(),
    before: status,
    after: status,
    by: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'ActionResult' });
export type ActionResult = z.infer<typeof actionResult>;
