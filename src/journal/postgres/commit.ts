import type { SqlExecutor } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import { checkText } from '../../events/batch.ts';
import type { TransactionEvent } from '../../machine/event.ts';
import { isTerminal } from '../../machine/state.ts';
import type { Commit, CommitResult, JournaledEvent } from '../journal.ts';

/** A row of `commit_transaction`, see 0004_global_log.sql. */
interface CommitRow {
  readonly committed: boolean;
  readonly at_ms: number;
  readonly at_version: number | null;
  readonly event_type: string;
  readonly event_data: unknown;
}

function checkCommit({ id, expectedVersion, events, summary }: Commit): void {
  checkText("the transaction's id", id);
  if (!Number.isSafeInteger(expectedVersion) || expectedVersion < 0) {
    throw new AmendsError('INVALID_OPTION', `expectedVersion is ${String(expectedVersion)}: give the number of events seen, from 0`);
  }
  if (events.length === 0) throw new AmendsError('EMPTY_BATCH', `nothing to commit to transaction ${id}: give at least one event`);
  for (const part of expectedVersion === 0 ? Object.entries(summary.tags).flat() : []) {
    if (/\0|\p{Surrogate}/u.test(part)) {
      const message = `a tag of transaction ${id} contains a NUL character or half of a surrogate pair: tags are searched, leave it out`;
      throw new AmendsError('PAYLOAD_NOT_JSON', message);
    }
  }
}

export function journaledEvent(row: Pick<CommitRow, 'at_ms' | 'at_version' | 'event_type' | 'event_data'>): JournaledEvent {
  return {
    version: row.at_version ?? 0,
    atMs: row.at_ms,
    event: { type: row.event_type, data: row.event_data } as TransactionEvent,
  };
}

/** A writer that is told of a lost race decides again on what it had not seen: without any it would go round for ever. */
function ahead({ id, expectedVersion }: Commit, version: number | null): AmendsError {
  const details = { id, expected: expectedVersion, actual: version ?? 0 };
  return version === null
    ? new AmendsError('TRANSACTION_NOT_FOUND', `there is no transaction ${id}: it was purged, or the database was restored`, { details })
    : new AmendsError(
        'STORE_CORRUPT',
        `transaction ${id} has ${version} events, and ${expectedVersion} were seen: the database lost writes (a restore, or a failover)`,
        { details },
      );
}

/** Runs the compare-and-set: one round trip. */
export async function runCommit(sql: SqlExecutor, schema: string, channel: string, commit: Commit): Promise<CommitResult> {
  checkCommit(commit);
  const { id, expectedVersion, events, summary, announce } = commit;
  // What can't change after the start is sent with the start only.
  const fixed = expectedVersion === 0 ? [summary.saga, summary.definitionVersion, JSON.stringify(summary.tags)] : [null, null, null];
  const { rows } = await sql.query<CommitRow>(`SELECT * FROM ${schema}.commit_transaction($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, [
    id,
    expectedVersion,
    events.map(({ type }) => type),
    events.map(({ data }) => JSON.stringify(data)),
    summary.status,
    summary.error?.replaceAll('\0', '\ufffd') ?? null, // text of PostgreSQL has no NUL
    isTerminal(summary),
    announce ? channel : null,
    ...fixed,
  ]);
  const [head, ...unseen] = rows as [CommitRow, ...CommitRow[]];
  if (head.committed) return { committed: true, atMs: head.at_ms };
  if (unseen.length === 0) throw ahead(commit, head.at_version);
  return { committed: false, unseen: unseen.map(journaledEvent) };
}
