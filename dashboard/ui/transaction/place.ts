import { addressOf } from '../browser/place.ts';
import type { Operation } from '../../api/common.ts';

/** What of a transaction is looked at, as the address has it. */
export interface Looked {
  readonly step: string;
  readonly op: Operation;
  /** Number of an attempt; `undefined`: the last one. */
  readonly attempt: number | undefined;
}

export function lookedAt(query: URLSearchParams): Looked | undefined {
  const step = query.get('step');
  if (step === null) return undefined;
  const op = query.get('op');
  const attempt = Number(query.get('attempt') ?? Number.NaN);
  return { step, op: op === 'compensate' || op === 'confirm' ? op : 'run', attempt: Number.isInteger(attempt) ? attempt : undefined };
}

export function transactionAddress(
  id: string,
  looked?: { readonly step: string; readonly op: Operation; readonly attempt?: number | undefined },
): string {
  if (looked === undefined) return addressOf(['transactions', id]);
  return addressOf(['transactions', id], { step: looked.step, op: looked.op, attempt: looked.attempt?.toString() });
}
