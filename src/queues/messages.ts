import * as z from 'zod';
import { AmendsError } from '../errors.ts';

/** Data of an operation's job: which operation to carry out. What it needs is in the journal. */
const operationMessage = z.strictObject({
  transaction: z.string().min(1).max(128),
  saga: z.string().min(1).max(64),
  step: z.string().min(1).max(64),
  op: z.enum(['run', 'compensate', 'confirm', 'renew']),
  /** The job was put back because it was gone: an attempt may have been made already. */
  recovered: z.literal(true).optional(),
  /** Of a fused group: deliveries that ended without success before the step that is due in it was. */
  before: z.number().int().min(0).optional(),
});

/** Data of a transaction's root job. */
const rootMessage = z.strictObject({
  transaction: z.string().min(1).max(128),
  saga: z.string().min(1).max(64),
  /** As of an operation's job: it may carry out a step. */
  recovered: z.literal(true).optional(),
  /** Deliveries that ended without success before the step that is due in it was. */
  before: z.number().int().min(0).optional(),
});

export type OperationMessage = z.infer<typeof operationMessage>;
export type RootMessage = z.infer<typeof rootMessage>;

function parse<T>(schema: z.ZodType<T>, data: unknown): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new AmendsError('INVALID_INPUT', `this job was not written by Amends, so it is parked: ${z.prettifyError(parsed.error)}`);
}

/** What of a job's failures is not the due step's. */
export function failuresBefore(data: unknown): number {
  return operationMessage.safeParse(data).data?.before ?? 0;
}

export function parseOperationMessage(data: unknown): OperationMessage {
  return parse(operationMessage, data);
}

export function parseRootMessage(data: unknown): RootMessage {
  return parse(rootMessage, data);
}
