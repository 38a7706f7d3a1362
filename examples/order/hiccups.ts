import { createHash } from 'node:crypto';
import { AmendsError } from 'amends';

/** Faults on purpose: an operation is committed, and then its answer is lost. */
export interface HiccupOptions {
  /** On average one operation in so many; 0: none. */
  readonly everyNth: number;
  /** Another seed hits other orders. Default 1. */
  readonly seed?: number | undefined;
}

/** Throws for the operations that are hit. The same ones in every run. */
export type Hiccup = (operation: string, orderId: string) => void;

/** @throws {AmendsError} INVALID_OPTION */
export function hiccupsOf(service: string, { everyNth, seed = 1 }: HiccupOptions = { everyNth: 0 }): Hiccup {
  if (!Number.isSafeInteger(everyNth) || everyNth < 0) {
    throw new AmendsError('INVALID_OPTION', `hiccups: everyNth is ${everyNth}: give a whole number, 0 for none`);
  }
  return (operation, orderId) => {
    if (everyNth === 0) return;
    const draw = createHash('sha256').update(`${seed}/${service}/${operation}/${orderId}`).digest().readUInt32BE();
    if (draw % everyNth !== 0) return;
    throw Object.assign(new Error(`read ECONNRESET: ${service} lost the connection after ${operation} of order ${orderId}`), {
      code: 'ECONNRESET',
    });
  };
}
