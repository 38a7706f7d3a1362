import { schemaOf } from '../../connections/migrate.ts';
import { inTransaction, persistently, type SqlExecutor, type SqlPool } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import type { AppendResult, EventStore, RecordedEvent, StreamName } from '../event-store.ts';
import { checkInline, type InlineProjection, type InlineProjections } from '../inline-projection.ts';
import type { ProjectionStore } from '../projection-store.ts';
import { tablesOf } from '../projection.ts';
import { executorOf } from './callers-transaction.ts';
import { recordedEvent, type EventRow } from './postgres-event-store.ts';

const PAGE = 500;

export interface InlineProjectionsOptions {
  readonly pool: SqlPool;
  readonly namespace: string;
  readonly store: EventStore;
  readonly projections: ProjectionStore;
}

type Row = EventRow & { readonly seq: string; readonly aggregate_type: string; readonly aggregate_id: string };

/** An event store whose appends keep read models up to date in their own transaction. */
export function createInlineProjections({ pool, namespace, store, projections }: InlineProjectionsOptions): {
  readonly store: EventStore;
  readonly inline: InlineProjections;
} {
  const schema = schemaOf(namespace);
  const columns = `seq, aggregate_type, aggregate_id, event_id, version::double precision AS version, event_type, schema_version, event_data,
    metadata, ${schema}.ms("timestamp") AS at_ms`;
  const known = new Map<string, InlineProjection>();
  /** Appends of this process wait while a read model is made, or they would miss it. */
  let making: Promise<unknown> = Promise.resolve();
  /** And it waits for those that came before: it must have their events. */
  const appending = new Set<Promise<unknown>>();

  async function whenMade<T>(append: () => Promise<T>): Promise<T> {
    const work = making.then(append);
    appending.add(work);
    try {
      return await work;
    } finally {
      appending.delete(work);
    }
  }

  const concerned = ({ aggregateType }: StreamName): readonly InlineProjection[] =>
    [...known.values()].filter(({ events }) => events.some((one) => (typeof one === 'string' ? one : one.name) === aggregateType));

  async function apply(tx: SqlExecutor, projection: InlineProjection, events: readonly RecordedEvent[]): Promise<void> {
    const table = tablesOf(projections, projection);
    const shown = projection.decode === undefined ? events : await projection.decode(events);
    for (const event of shown) await projection.handle(event, { tx, table });
  }

  async function applyAppended(tx: SqlExecutor, stream: StreamName, { firstVersion, lastVersion, duplicate }: AppendResult): Promise<void> {
    const readers = duplicate ? [] : concerned(stream);
    if (readers.length === 0) return;
    const { rows } = await tx.query<EventRow>(
      `SELECT ${columns} FROM ${schema}.events
        WHERE aggregate_type = $1 AND aggregate_id = $2 AND version BETWEEN $3::bigint AND $4::bigint ORDER BY version`,
      [stream.aggregateType, stream.aggregateId, firstVersion, lastVersion],
    );
    const events = rows.map((row) => recordedEvent(stream, row));
    for (const projection of readers) await apply(tx, projection, events);
  }

  /** Everything that was appended before, in order; nobody appends meanwhile. */
  async function applyAll(tx: SqlExecutor, projection: InlineProjection): Promise<void> {
    await tx.query(`LOCK TABLE ${schema}.events IN SHARE MODE`);
    const categories = projection.events.map((one) => (typeof one === 'string' ? one : one.name));
    for (let after = '0'; ;) {
      const { rows } = await tx.query<Row>(
        `SELECT ${columns} FROM ${schema}.all_events WHERE aggregate_type = ANY ($1::text[]) AND seq > $2::bigint ORDER BY seq LIMIT ${PAGE}`,
        [categories, after],
      );
      const events = rows.map((row) => recordedEvent({ aggregateType: row.aggregate_type, aggregateId: row.aggregate_id }, row));
      await apply(tx, projection, events);
      if (rows.length < PAGE) return;
      after = String(rows.at(-1)!.seq);
    }
  }

  async function make(projection: InlineProjection): Promise<void> {
    const live = (await projections.list(projection.name)).find((one) => one.live);
    if (live !== undefined && live.version > projection.version) {
      const problem = `projection "${projection.name}" is live in version ${live.version}: this process has version ${projection.version}, deploy the newer one`;
      throw new AmendsError('NOT_ALLOWED', problem);
    }
    const made = await projections.create(projection, async (tx) => {
      await projection.setup?.({ tx: tx!, table: tablesOf(projections, projection) });
      await applyAll(tx!, projection);
    });
    if (!made.live) await projections.swap(projection);
  }

  return {
    inline: {
      async add(projection) {
        checkInline(projection);
        if (known.has(projection.name)) {
          throw new AmendsError(
            'NOT_ALLOWED',
            `projection "${projection.name}" is inline in this process already: give this one another name`,
          );
        }
        const before = Promise.allSettled([making, ...appending]);
        const done = before.then(() => make(projection)).then(() => void known.set(projection.name, projection));
        making = done.catch(() => undefined);
        await done;
      },
    },

    store: {
      ...store,

      async append(stream, events, options) {
        const inside = async (tx: SqlExecutor): Promise<AppendResult> => {
          const result = await store.append(stream, events, { ...options, tx });
          await applyAppended(tx, stream, result);
          return result;
        };
        const { tx } = options;
        if (tx !== undefined) return concerned(stream).length === 0 ? store.append(stream, events, options) : inside(executorOf(tx));
        return whenMade(() =>
          concerned(stream).length === 0 ? store.append(stream, events, options) : persistently(() => inTransaction(pool, inside)),
        );
      },

      async appendAll(appends, options = {}) {
        const isOfNone = (): boolean => appends.every(({ stream }) => concerned(stream).length === 0);
        const inside = async (tx: SqlExecutor): Promise<readonly AppendResult[]> => {
          const results = await store.appendAll(appends, { tx });
          for (const [i, result] of results.entries()) await applyAppended(tx, appends[i]!.stream, result);
          return results;
        };
        const { tx } = options;
        if (tx !== undefined) return isOfNone() ? store.appendAll(appends, options) : inside(executorOf(tx));
        return whenMade(() => (isOfNone() ? store.appendAll(appends) : persistently(() => inTransaction(pool, inside))));
      },
    },
  };
}
