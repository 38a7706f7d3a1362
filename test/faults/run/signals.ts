/** Places in a worker's code where it can be made to stop: the runner kills or pauses it there. */
export type Point = 'before-effect' | 'after-commit' | 'before-undo' | 'after-undo' | 'sweep';

/** What the runner tells a worker process. */
export type ToWorker =
  /** Stop at the next passage through this point and say so. */
  | { readonly type: 'arm'; readonly point: Point }
  | { readonly type: 'disarm' }
  /** Go on. */
  | { readonly type: 'release' }
  /** Write the books in any order, slowly, and serialisable. */
  | { readonly type: 'storm'; readonly on: boolean };

/** What a worker process tells the runner. */
export type FromWorker =
  | { readonly type: 'ready'; readonly name: string }
  /** An operation is called, or has ended. `key` names it: transaction, step, op. */
  | { readonly type: 'begin'; readonly key: string }
  | { readonly type: 'end'; readonly key: string }
  | { readonly type: 'reached'; readonly point: Point; readonly key: string }
  /** It will kill itself now, because an order says so. */
  | { readonly type: 'deadly'; readonly key: string }
  /** The books refused a transaction: 40001 or 40P01. */
  | { readonly type: 'conflict'; readonly code: string };

/** What a worker process is started with, in its environment, as JSON. */
export interface WorkerSettings {
  readonly index: number;
  readonly storeUrl: string;
  readonly journalUrl: string | undefined;
  readonly booksUrl: string;
  readonly namespace: string;
  readonly lockMs: number;
  readonly stallCheckMs: number;
  readonly sweepEveryMs: number;
  readonly overdueAfterMs: number;
  readonly crashLimit: number;
  /** Where its alerts go. */
  readonly alertUrl: string;
}

export const SETTINGS_VARIABLE = 'AMENDS_FAULT_WORKER';
