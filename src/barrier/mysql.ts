import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BarrierOp, Slot } from './call.ts';
import type { BarrierDialect } from './dialect.ts';
import { mysqlErrnoOf, type BarrierExecutor } from './executor.ts';

const DEFINITION = readFileSync(new URL('./barrier-mysql.sql', import.meta.url), 'utf8');

const DUPLICATE_KEY = 1062;
const LOCK_WAIT_TIMEOUT = 1205;
const NO_SUCH_SAVEPOINT = 1305;
/** JSON that MySQL can't read (half a surrogate pair) or finds too deep; MariaDB's check of a `json` column says both. */
const NOT_FOR_JSON = new Set([3140, 3157, 4025]);

/** All text goes to the server and comes back as hexadecimal: the same whatever the connection's character set and SQL mode are. */
const toHex = (text: string): string => Buffer.from(text).toString('hex');
const fromHex = (hex: string): string => Buffer.from(hex, 'hex').toString();

const AGE_LIMIT = 'UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND';
const microseconds = (ms: number): string => `${ms}000`;

const AT_KEY = 'scope = UNHEX(?) AND gid = UNHEX(?) AND branch_id = UNHEX(?) AND op = ? AND barrier_id = UNHEX(?)';
const keyOf = (slot: Slot, op: BarrierOp): string[] => [
  toHex(slot.scope),
  toHex(slot.gid),
  toHex(slot.branchId),
  op,
  toHex(slot.barrierId),
];

/**
 * A plain insert: INSERT IGNORE would swallow other errors too. It waits for whoever holds the slot, and finds it taken or free. A duplicate
 * key undoes this statement only, and leaves a shared lock on the row: nobody changes or purges it before the end of the transaction.
 */
async function insert(executor: BarrierExecutor, table: string, slot: Slot, op: BarrierOp): Promise<boolean> {
  try {
    await executor.exec(
      `INSERT INTO ${table} (scope, gid, branch_id, op, barrier_id, reason, fingerprint, created_at)
      VALUES (UNHEX(?), UNHEX(?), UNHEX(?), ?, UNHEX(?), ?, UNHEX(?), UTC_TIMESTAMP(6))`,
      [...keyOf(slot, op), slot.op, op === slot.op ? slot.fingerprint : null],
    );
    return true;
  } catch (error) {
    if (mysqlErrnoOf(error) === DUPLICATE_KEY) return false;
    throw error;
  }
}

/** The lock timeout is the session's, in whole seconds, and no rollback puts it back. */
async function withLockTimeout<T>(executor: BarrierExecutor, ms: number, work: () => Promise<T>): Promise<T> {
  const seconds = Math.ceil(ms / 1000);
  await executor.exec(`SET @amends_lock_wait = @@SESSION.innodb_lock_wait_timeout, SESSION innodb_lock_wait_timeout = ${seconds}`, []);
  const reset = () => executor.exec('SET SESSION innodb_lock_wait_timeout = @amends_lock_wait', []);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await reset().catch(() => undefined); // what went wrong first is what is told
    throw error;
  }
  await reset();
  return result;
}

/** `false`: there is no such savepoint, so no transaction, or not the one in which it was set. */
async function atSavepoint(executor: BarrierExecutor, statement: string): Promise<boolean> {
  try {
    await executor.exec(statement, []);
    return true;
  } catch (error) {
    if (mysqlErrnoOf(error) === NO_SUCH_SAVEPOINT) return false;
    throw error;
  }
}

async function goBack(executor: BarrierExecutor, savepoint: string): Promise<void> {
  // A deadlock has undone the whole transaction, and the savepoint with it.
  await executor.exec(`ROLLBACK TO SAVEPOINT ${savepoint}`, []).catch(() => undefined);
}

/** MySQL 8 and MariaDB 10.6, InnoDB. An error undoes a statement, not the transaction, so a savepoint stands where PostgreSQL's abort would. */
export const mysql: BarrierDialect = {
  tableIn: (schema) => `\`${schema}\`.txn_barrier`,

  async install(executor, table) {
    await executor.exec(
      DEFINITION.replace('EXISTS txn_barrier', () => `EXISTS ${table}`),
      [],
    );
  },

  async take(executor, table, slot, lockTimeoutMs) {
    // A name of its own: a barrier inside the work of another one would replace its savepoint.
    const savepoint = `amends_${randomUUID().replaceAll('-', '')}`;
    await executor.exec(`SAVEPOINT ${savepoint}`, []);
    // Without a transaction the server has forgotten it by now.
    if (!(await atSavepoint(executor, `ROLLBACK TO SAVEPOINT ${savepoint}`))) return undefined;
    try {
      return await withLockTimeout(executor, lockTimeoutMs, async () => {
        const origin = slot.origin !== undefined && (await insert(executor, table, slot, slot.origin));
        return { own: await insert(executor, table, slot, slot.op), origin, savepoint };
      });
    } catch (error) {
      await goBack(executor, savepoint); // one of two slots alone would bar the action and lose its undo
      throw error;
    }
  },

  async read(executor, table, slot, op) {
    // A locking read sees what is committed, and what a snapshot from before would hide. FOR SHARE is unknown to MariaDB; FOR UPDATE would let
    // two duplicates, both with the shared lock of their insert, wait for each other.
    const { rows } = await executor.exec(
      `SELECT reason, LOWER(HEX(fingerprint)) AS fingerprint, HEX(CONVERT(result USING utf8mb4)) AS result FROM ${table}
      WHERE ${AT_KEY} LOCK IN SHARE MODE`,
      keyOf(slot, op),
    );
    const [row] = rows as readonly { readonly reason: string; readonly fingerprint: string | null; readonly result: string | null }[];
    return row === undefined ? undefined : { ...row, result: row.result === null ? null : fromHex(row.result) };
  },

  async store(executor, table, slot, { savepoint }, result) {
    if (result !== null) {
      await executor.exec(`UPDATE ${table} SET result = CONVERT(UNHEX(?) USING utf8mb4) WHERE ${AT_KEY}`, [
        toHex(result),
        ...keyOf(slot, slot.op),
      ]);
    }
    return atSavepoint(executor, `RELEASE SAVEPOINT ${savepoint}`);
  },

  async spoil(executor, { savepoint }) {
    if (savepoint !== undefined) await goBack(executor, savepoint);
  },

  isLockTimeout: (error) => mysqlErrnoOf(error) === LOCK_WAIT_TIMEOUT,
  isRefusedJson: (error) => NOT_FOR_JSON.has(mysqlErrnoOf(error) ?? 0),

  async listOld(executor, table, { scope, olderThanMs, after, limit }) {
    const { rows } = await executor.exec(
      `SELECT HEX(gid) AS gid_hex FROM ${table} WHERE scope = UNHEX(?) AND gid > UNHEX(?) GROUP BY gid
      HAVING MAX(created_at) < ${AGE_LIMIT} ORDER BY gid LIMIT ${limit}`,
      [toHex(scope), toHex(after), microseconds(olderThanMs)],
    );
    return rows.map((row) => fromHex(row.gid_hex as string));
  },

  async removeOld(executor, table, { scope, olderThanMs, gids }) {
    if (gids.length === 0) return 0;
    // Written out, not as parameters, of which a statement can have 65,535 only.
    const listed = gids.map((gid) => `x'${toHex(gid)}'`).join(', ');
    const { rowCount } = await executor.exec(
      `DELETE FROM ${table} WHERE scope = UNHEX(?) AND gid IN (${listed}) AND created_at < ${AGE_LIMIT}`,
      [toHex(scope), microseconds(olderThanMs)],
    );
    return rowCount ?? 0;
  },
};
