import { Gathering } from '../../connections/gathering.ts';
import { persistently, type SqlExecutor } from '../../connections/sql.ts';
import { AmendsError, isAmendsError } from '../../errors.ts';
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

/** The arguments of `commit_transaction`, in its order, but that events are a list of types and one of data. */
function argumentsOf({ id, expectedVersion, events, summary, announce }: Commit, channel: string) {
  return [
    id,
    expectedVersion,
    events.map(({ type }) => type),
    events.map(({ data }) => JSON.stringify(data)),
    summary.status,
    summary.error?.replaceAll('\0', '\ufffd') ?? null, // text of PostgreSQL has no NUL
    isTerminal(summary),
    announce ? channel : null,
    // What can't change after the start is sent with the start only.
    ...(expectedVersion === 0 ? [summary.saga, summary.definitionVersion, JSON.stringify(summary.tags)] : [null, null, null]),
  ] as const;
}

function resultOf(commit: Commit, [head, ...unseen]: readonly CommitRow[]): CommitResult {
  if (head!.committed) return { committed: true, atMs: head!.at_ms };
  if (unseen.length === 0) throw ahead(commit, head!.at_version);
  return { committed: false, unseen: unseen.map(journaledEvent) };
}

/** Runs the compare-and-set inside the caller's transaction. */
export async function runCommit(sql: SqlExecutor, schema: string, channel: string, commit: Commit): Promise<CommitResult> {
  checkCommit(commit);
  const { rows } = await sql.query<CommitRow>(
    `SELECT * FROM ${schema}.commit_transaction($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    argumentsOf(commit, channel),
  );
  return resultOf(commit, rows);
}

/** Most commits of one call. A start has more to carry than a step, but both are small. */
const MOST = 64;

function byId({ id: a }: Commit, { id: b }: Commit): number {
  return a < b ? -1 : Number(a > b);
}

/** Runs compare-and-sets, those that come while others are under way together: one round trip and one transaction for all of them. */
export function groupCommit(sql: SqlExecutor, schema: string, channel: string): (commit: Commit) => Promise<CommitResult> {
  const text = `SELECT * FROM ${schema}.commit_transactions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

  async function send(commits: readonly Commit[]): Promise<readonly (readonly CommitRow[])[]> {
    // In one order everywhere, or two processes could each hold what the other one waits for.
    const sorted = [...commits].sort(byId);
    const all = sorted.map((commit) => argumentsOf(commit, channel));
    const { rows } = await persistently(() =>
      sql.query<CommitRow & { readonly place: number }>(text, [
        all.map(([id]) => id),
        all.map(([, expected]) => expected),
        all.map(([, , types]) => types.length),
        all.flatMap(([, , types]) => types),
        all.flatMap(([, , , data]) => data),
        ...([4, 5, 6, 7, 8, 9, 10] as const).map((column) => all.map((one) => one[column])),
      ]),
    );
    const rowsOf = new Map<Commit, CommitRow[]>(commits.map((commit) => [commit, []]));
    for (const row of rows) rowsOf.get(sorted[row.place - 1]!)!.push(row);
    return commits.map((commit) => rowsOf.get(commit)!);
  }

  const gathering = new Gathering({
    send,
    most: MOST,
    // Where the connection was lost, they may have been committed.
    isDefinite: (error) => !isAmendsError(error, 'STORE_UNREACHABLE'),
  });
  return async (commit) => {
    checkCommit(commit);
    return resultOf(commit, await gathering.add(commit));
  };
}
