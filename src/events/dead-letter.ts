import type { StreamName } from './event-store.ts';

/** An event that a subscription has put aside: it failed, or it comes after one of its aggregate that did. */
export interface DeadLetter extends StreamName {
  readonly position: number;
  readonly version: number;
  readonly eventType: string;
  /** How often it was tried; 0: it waits behind an earlier one of its aggregate. */
  readonly attempts: number;
  readonly error: string | undefined;
  readonly parkedAt: Date;
}

export interface ReplayResult {
  /** Parked events that are handled now. */
  readonly replayed: number;
  /** Those that failed again; the later ones of their aggregates stay parked too. */
  readonly failed: readonly { readonly letter: DeadLetter; readonly error: unknown }[];
}

const LONGEST_ERROR = 2_000;

/** An error as it is kept. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // Text of PostgreSQL has no NUL and no half of a surrogate pair.
  return text.slice(0, LONGEST_ERROR).replace(/\0|\p{Surrogate}/gu, '\ufffd');
}
