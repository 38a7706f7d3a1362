import type { Status } from '../../machine/state.ts';
import type { TransactionSummary } from '../journal.ts';

/** The columns of a summary as they are selected, with the schema's `ms()`. */
export function summaryColumns(schema: string): string {
  const ms = `${schema}.ms`;
  return `id, saga, definition_version, status, version::double precision AS version, tags, error,
    ${ms}(started_at) AS started_at_ms, ${ms}(updated_at) AS updated_at_ms, ${ms}(ended_at) AS ended_at_ms`;
}

export interface SummaryRow {
  readonly id: string;
  readonly saga: string;
  readonly definition_version: number;
  readonly status: Status;
  readonly version: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly error: string | null;
  readonly started_at_ms: number;
  readonly updated_at_ms: number;
  readonly ended_at_ms: number | null;
}

export function summaryFrom(row: SummaryRow): TransactionSummary {
  return {
    id: row.id,
    saga: row.saga,
    definitionVersion: row.definition_version,
    status: row.status,
    version: row.version,
    tags: row.tags,
    error: row.error ?? undefined,
    startedAtMs: row.started_at_ms,
    updatedAtMs: row.updated_at_ms,
    endedAtMs: row.ended_at_ms ?? undefined,
  };
}
