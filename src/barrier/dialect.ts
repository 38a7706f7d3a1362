import type { BarrierOp, Slot } from './call.ts';
import type { BarrierExecutor } from './executor.ts';

/** Which slots an operation has found free and taken. */
export interface Taken {
  readonly own: boolean;
  readonly origin: boolean;
  /** Where the transaction stood before, for a database that can go back to it. */
  readonly savepoint?: string;
}

/** A slot that was taken before. */
export interface Stored {
  readonly reason: string;
  /** Hexadecimal, small letters. */
  readonly fingerprint: string | null;
  /** JSON text. */
  readonly result: string | null;
}

/** What the barrier asks of a database. `table` is its name as SQL. */
export interface BarrierDialect {
  /** The table in a schema, the name of which was checked. */
  tableIn(schema: string): string;

  /** Creates the table when it is not there. */
  install(executor: BarrierExecutor, table: string): Promise<void>;

  /**
   * Takes the slot of the operation and, for an undo, first that of what it undoes. Whoever holds one of them in an open transaction is waited
   * for, up to `lockTimeoutMs`; the transaction's own lock timeout holds again afterwards. `undefined`: there is no transaction, and nothing
   * was written. (A database that can't tell so early gives slots, and says it in `store`.)
   */
  take(executor: BarrierExecutor, table: string, slot: Slot, lockTimeoutMs: number): Promise<Taken | undefined>;

  /** What is committed, also by those who came after this transaction's snapshot. `undefined`: the slot is gone, by a purge. */
  read(executor: BarrierExecutor, table: string, slot: Slot, op: BarrierOp): Promise<Stored | undefined>;

  /** `false`: this is not the transaction the slot was taken in. `result` is JSON text. */
  store(executor: BarrierExecutor, table: string, slot: Slot, taken: Taken, result: string | null): Promise<boolean>;

  /** Sees to it that the slot does not outlive the work that failed, even if the caller catches the error and commits. */
  spoil(executor: BarrierExecutor, taken: Taken): Promise<void>;

  /** Tells whether `take` failed because it has waited for too long. */
  isLockTimeout(error: unknown): boolean;

  /** Tells whether `store` failed because the database does not take this JSON. */
  isRefusedJson(error: unknown): boolean;

  /** Transactions after `after`, in order, of which every row is older. The server's clock dates the rows, so it tells their age too. */
  listOld(executor: BarrierExecutor, table: string, old: Old & { readonly after: string; readonly limit: number }): Promise<string[]>;

  /** Removes the rows of these transactions that are older. Gives how many. */
  removeOld(executor: BarrierExecutor, table: string, old: Old & { readonly gids: readonly string[] }): Promise<number>;
}

interface Old {
  readonly scope: string;
  readonly olderThanMs: number;
}
