import * as z from 'zod';
import { kind, name, queryNumber, repeated, status, timeMs, transactionId } from './common.ts';

const LAST_MS = 8.64e15;

const text = z.string().min(1).max(200);

/** The filter as data, in the body of a bulk act. All of its conditions must be true. */
export const filter = z
  .strictObject({
    saga: name.optional(),
    kind: kind.optional(),
    /** One of these. */
    status: z.array(status).max(20).optional(),
    /** All of these tags. */
    tag: z.record(z.string().min(1), z.string()).optional(),
    /** Exactly this one. */
    id: transactionId.optional(),
    idPrefix: transactionId.optional(),
    /** Part of the error it turned back on or is stuck on; upper and lower case of ASCII letters are alike. */
    error: text.optional(),
    /** It is stuck on this step. A bulk `retry`, `skip` or `mark_undone` is then done to this step only. */
    step: name.optional(),
    /** It is stuck on an error of this group, as the inbox tells it; on that step, if one is given. */
    errorGroup: text.optional(),
    /** It started then or later. */
    fromMs: z.number().int().min(0).max(LAST_MS).optional(),
    /** It started before then. */
    toMs: z.number().int().min(0).max(LAST_MS).optional(),
  })
  .meta({ id: 'Filter' });
export type Filter = z.infer<typeof filter>;

/** The same in a query, `GET transactions?saga=order&status=stuck&status=paused&tag=customer=c1&fromMs=…&limit=50`. */
export const filterQuery = z.strictObject({
  saga: name.optional(),
  kind: kind.optional(),
  status: repeated(status).optional(),
  /** `name=value`; the first `=` divides. Repeated for further tags, all of which must be there. */
  tag: repeated(z.string().regex(/^[^=]+=/, 'give it as name=value')).optional(),
  id: transactionId.optional(),
  idPrefix: transactionId.optional(),
  error: text.optional(),
  step: name.optional(),
  errorGroup: text.optional(),
  fromMs: queryNumber(0, LAST_MS).optional(),
  toMs: queryNumber(0, LAST_MS).optional(),
});

export const transactionsQuery = filterQuery.extend({
  /** `nextCursor` of the page before. */
  cursor: z.string().max(4_096).optional(),
  /** Default 50. */
  limit: queryNumber(1, 200).optional(),
});

export const transactionRow = z
  .object({
    id: transactionId,
    saga: z.string(),
    kind,
    definitionVersion: z.number(),
    status,
    version: z.number(),
    tags: z.record(z.string(), z.string()),
    /** What it turned back on or is stuck on, shortened; `null`: nothing. */
    error: z.string().nullable(),
    startedAtMs: timeMs,
    updatedAtMs: timeMs,
    /** `null`: it has not ended. */
    endedAtMs: timeMs.nullable(),
  })
  .meta({ id: 'TransactionRow' });
export type TransactionRow = z.infer<typeof transactionRow>;

/** `GET transactions`: newest start first. A page may be shorter than its limit, even empty, and still have a successor. */
export const transactionPage = z
  .object({ transactions: z.array(transactionRow), nextCursor: z.string().nullable() })
  .meta({ id: 'TransactionPage' });
export type TransactionPage = z.infer<typeof transactionPage>;
