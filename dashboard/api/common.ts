import * as z from 'zod';
import { STATUSES } from '../../src/machine/state.ts';

/** What stands in place of a value whose schema is marked with `.meta({ redact: true })`. */
export const REDACTED = '[redacted]';

/** Plain JSON. A value that is marked as sensitive is `"[redacted]"`. */
export const json = z.json().meta({ id: 'Json' });

/** Milliseconds since the epoch, by the store's clock. */
export const timeMs: z.ZodNumber = z.number();

export const transactionId: z.ZodString = z.string().min(1).max(128);
export const name: z.ZodString = z.string().min(1).max(64);
export const status = z.enum(STATUSES).meta({ id: 'Status' });
export const kind = z.enum(['saga', 'tcc']).meta({ id: 'Kind' });
export const operation = z.enum(['run', 'compensate', 'confirm']).meta({ id: 'Operation' });

export const errorData = z
  .object({ name: z.string(), message: z.string(), code: z.string().optional(), stack: z.string().optional() })
  .meta({ id: 'ErrorData' });

/** The answer to every request that fails. `code` is one of Amends' error codes, or `HTTP_<status>`. */
export const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) }).meta({ id: 'Failure' });

/** A number in a query. */
export function queryNumber(least: number, most: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  return z.string().transform((text, context) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    context.addIssue({ code: 'custom', message: `give a whole number from ${least} to ${most}` });
    return z.NEVER;
  });
}

/** A parameter of a query that may be repeated. */
export function repeated<T extends z.ZodType>(one: T): z.ZodPreprocess<z.ZodArray<T>> {
  return z.preprocess((given) => (given === undefined ? [] : Array.isArray(given) ? (given as unknown[]) : [given]), z.array(one).max(20));
}

export type Failure = z.infer<typeof failure>;
export type ErrorData = z.infer<typeof errorData>;
export type Status = z.infer<typeof status>;
export type Kind = z.infer<typeof kind>;
export type Operation = z.infer<typeof operation>;
export type Json = z.infer<typeof json>;
