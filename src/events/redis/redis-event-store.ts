import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import { hashOf, type Json, type PayloadLimits } from '../../flows/json.ts';
import { checkAppend, checkVersion, type CheckedEvent } from '../batch.ts';
import type { AppendResult, EventStore, ExpectedVersion, NewEvent, StreamName } from '../event-store.ts';
import { checkClient, CLOCK, defineScript, readLua } from './script.ts';
import { recordedEvent, type StreamEntry } from './stream-entry.ts';
import { streamKeyOf } from './stream-key.ts';

const APPEND = readLua(CLOCK, new URL('./append.lua', import.meta.url));
const PAGE = 500;

export interface RedisEventStoreOptions {
  readonly redis: Redis;
  /** Keys begin with `{namespace}:`. 1 to 31 of `a-z 0-9 _ -`. */
  readonly namespace: string;
  /** Largest and deepest `eventData` and `metadata`. Default 1 MiB, 64 levels. */
  readonly limits?: PayloadLimits | undefined;
}

/** Refuses a SQL transaction: what Redis stores is stored at once. */
export function refuseSqlTransaction(tx: unknown): void {
  if (tx === undefined) return;
  throw new AmendsError(
    'NOT_ALLOWED',
    "a store in Redis can't join a SQL transaction (tx): leave it out, or keep the journal in PostgreSQL (postgres://…)",
  );
}

/**
 * The arguments of one event for the script: id, content hash, type, data, schema version, metadata; defaults are empty. The metadata is no
 * part of the content: the trace of a retry is another one.
 */
function argumentsOf({ eventId, eventType, schemaVersion, data, metadata }: CheckedEvent, eventData: Json): readonly string[] {
  const hash = hashOf([eventType, schemaVersion, eventData]);
  return [eventId, hash, eventType, data, schemaVersion === 1 ? '' : String(schemaVersion), metadata === '{}' ? '' : metadata];
}

type Reply =
  | readonly ['ok' | 'duplicate', first: number, last: number]
  | readonly ['reused', position: number, stream: string]
  | readonly ['partial', known: number]
  | readonly ['version', actual: number];

function resultOf(reply: Reply, name: string, events: readonly CheckedEvent[], expected: ExpectedVersion): AppendResult {
  switch (reply[0]) {
    case 'ok':
    case 'duplicate':
      return { firstVersion: reply[1], lastVersion: reply[2], duplicate: reply[0] === 'duplicate' };
    case 'reused': {
      const [, position, stream] = reply;
      const eventId = events[position]?.eventId;
      const problem = stream === name ? 'with other content or in another order' : `in stream ${JSON.stringify(stream)}`;
      throw new AmendsError(
        'EVENT_ID_REUSED',
        `event id ${JSON.stringify(eventId)} was stored before ${problem}: give new events new ids`,
        {
          details: { eventId },
        },
      );
    }
    case 'partial':
      throw new AmendsError(
        'PARTIAL_DUPLICATE',
        `${reply[1]} of these ${events.length} events were stored before: append the same batch again, or only what is new`,
        { details: { known: reply[1], count: events.length } },
      );
    case 'version':
      throw new AmendsError(
        'WRONG_EXPECTED_VERSION',
        `stream ${JSON.stringify(name)} is at version ${reply[1]}, expected was ${expected}: read the events since, decide again and retry`,
        { details: { expected, actual: reply[1] } },
      );
  }
}

/**
 * Streams of events in Redis 6.2 or newer: one script per append. An acknowledged event is as safe as the server's persistence makes it
 * (`appendonly yes`, `appendfsync`), and a failover can lose the newest ones.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createRedisEventStore({ redis, namespace, limits }: RedisEventStoreOptions): EventStore {
  const root = keyRoot(namespace);
  checkClient(redis);
  const append = defineScript(redis, 'append', APPEND);

  return {
    async append(stream: StreamName, events: readonly NewEvent[], { expectedVersion, tx }) {
      refuseSqlTransaction(tx);
      const checked = checkAppend(stream, events, expectedVersion, limits);
      const name = streamKeyOf(stream);
      const args = checked.flatMap((event, position) => argumentsOf(event, events[position]!.eventData));
      return resultOf((await append(root, name, expectedVersion, ...args)) as Reply, name, checked, expectedVersion);
    },

    async *read(stream, { fromVersion = 1, toVersion } = {}) {
      const key = `${root}s:${streamKeyOf(stream)}`;
      const end = toVersion === undefined ? '+' : checkVersion('toVersion', toVersion);
      let next = checkVersion('fromVersion', fromVersion);
      for (;;) {
        const entries = (await reachable(redis.xrange(key, next, end, 'COUNT', PAGE))) as StreamEntry[];
        for (const entry of entries) {
          const event = recordedEvent(stream, entry);
          next = event.version + 1;
          yield event;
        }
        if (entries.length < PAGE) return;
      }
    },
  };
}
