import type { SingleSession } from './single-session.ts';

const EVERY_MS = 15_000;
/** The embedded server writes no checkpoint by itself: its log would grow for ever, and all of it be replayed after a crash. */
const CHECKPOINT_AFTER_BYTES = 32 * 1024 * 1024;
const DEAD_ROWS = 2_000;

const LOG_SINCE_CHECKPOINT = 'SELECT (pg_current_wal_insert_lsn() - redo_lsn)::double precision AS bytes FROM pg_control_checkpoint()';
const WORST_TABLE = `SELECT relid::regclass::text AS name FROM pg_stat_user_tables
  WHERE n_dead_tup > ${DEAD_ROWS} + n_live_tup / 5 OR n_mod_since_analyze > ${DEAD_ROWS} + n_live_tup / 2
  ORDER BY n_dead_tup DESC LIMIT 1`;

async function inTurn<Row>(database: SingleSession, sql: string): Promise<readonly Row[]> {
  const turn = await database.turn();
  try {
    return (await database.run<Row>(sql)).rows;
  } finally {
    turn.end();
  }
}

/**
 * Does from time to time what the background processes of a PostgreSQL server do and the embedded one does not have: checkpoints, and
 * vacuum with statistics, one table at a time. Gives a function that stops it.
 */
export function startUpkeep(database: SingleSession, onError: (error: unknown) => void): () => void {
  let seen = 0;
  const once = async (): Promise<void> => {
    if (database.statements === seen) return;
    const [log] = await inTurn<{ bytes: number }>(database, LOG_SINCE_CHECKPOINT);
    if (log !== undefined && log.bytes > CHECKPOINT_AFTER_BYTES) await inTurn(database, 'CHECKPOINT');
    const [table] = await inTurn<{ name: string }>(database, WORST_TABLE);
    if (table !== undefined) await inTurn(database, `VACUUM (ANALYZE) ${table.name}`);
    seen = database.statements;
  };
  let stopped = false;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    timer = setTimeout(() => {
      once()
        .catch((error: unknown) => {
          if (!stopped) onError(error);
        })
        .finally(() => {
          if (!stopped) next();
        });
    }, EVERY_MS).unref();
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
