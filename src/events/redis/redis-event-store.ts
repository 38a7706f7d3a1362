import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import type { PayloadLimits } from '../../flows/json.ts';
import {
  checkAppend,
  checkAppends,
  checkStream,
  checkVersion,
  checkWritable,
  inLockOrder,
  isSameEvent,
  tombstoneEvent,
  type CheckedAppend,
} from '../batch.ts';
import type { AppendResult, EventStore, ReadOptions, RecordedEvent, StreamHead, StreamName, StreamState } from '../event-store.ts';
import { eventIdReused, partialDuplicate, partlyAppended, streamClosed, streamNotFound, wrongVersion } from '../refusals.ts';
import { archivedEntries, packEntries } from './archive.ts';
import { BATCH, CallBatch, type BatchedCall } from './call-batch.ts';
import { epochOf } from './epoch.ts';
import { checkClient, CLOCK, defineScript, FIT, readLua } from './script.ts';
import { entryFields, recordedEvent, type StreamEntry } from './stream-entry.ts';
import { streamKeyOf } from './stream-key.ts';

const lua = (file: string): URL => new URL(file, import.meta.url);
const HEAD = lua('./head.lua');
const APPEND = readLua(CLOCK, HEAD, FIT, BATCH, lua('./append.lua'));
const READ_HEAD = readLua(HEAD, lua('./read-head.lua'));
const CLOSE = readLua(HEAD, lua('./close.lua'));
const ARCHIVE = readLua(HEAD, lua('./archive.lua'));
const TOMBSTONE_STREAM = readLua(CLOCK, HEAD, lua('./tombstone.lua'));
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

/** For the script; defaults are empty. */
function appendCall(appends: readonly CheckedAppend[]): BatchedCall {
  const args: (string | number)[] = [appends.length];
  const texts: string[] = [];
  for (const { stream, expectedVersion, events } of appends) {
    args.push(streamKeyOf(stream), expectedVersion, events.length);
    for (const { eventId, eventType, schemaVersion, data, metadata } of events) {
      args.push(eventId, eventType, schemaVersion === 1 ? '' : schemaVersion);
      texts.push(data, metadata === '{}' ? '' : metadata);
    }
  }
  return { args, texts };
}

type Reply =
  | readonly ['ok', ...(readonly number[])]
  | readonly ['reused', number: number, position: number, stream: string]
  | readonly ['partial', number: number, known: number]
  | readonly ['state', number: number, state: StreamState, actual: number]
  | readonly ['version', number: number, actual: number];

function resultsOf(reply: Reply, appends: readonly CheckedAppend[]): readonly AppendResult[] {
  if (reply[0] === 'ok') {
    const numbers = reply.slice(1) as number[];
    return appends.map((_append, i) => ({
      firstVersion: numbers[3 * i]!,
      lastVersion: numbers[3 * i + 1]!,
      duplicate: numbers[3 * i + 2] === 1,
    }));
  }
  if (reply[0] === 'partial' && reply[1] === 0) throw partlyAppended(reply[2], appends.length);
  const { stream, events, expectedVersion } = appends[reply[1] - 1]!;
  switch (reply[0]) {
    case 'reused':
      throw eventIdReused(events[reply[2]]!.eventId, reply[3] === streamKeyOf(stream) ? undefined : JSON.stringify(reply[3]));
    case 'partial':
      throw partialDuplicate(reply[2], events.length);
    case 'state':
      throw streamClosed(stream, reply[2]);
    case 'version':
      throw wrongVersion(stream, expectedVersion, reply[2]);
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
  const calls = new CallBatch(defineScript(redis, 'append', APPEND), root, 4);
  const readHead = defineScript(redis, 'readHead', READ_HEAD);
  const close = defineScript(redis, 'close', CLOSE);
  const archive = defineScript(redis, 'archive', ARCHIVE);
  const tombstone = defineScript(redis, 'tombstone', TOMBSTONE_STREAM);
  const keyOf = (kind: 's' | 'a' | 'x' | 'xa', stream: StreamName): string => `${root}${kind}:${streamKeyOf(stream)}`;

  const headFrom = (reply: unknown): StreamHead | undefined => {
    const [version, firstVersion, state] = reply as [number, number, StreamState];
    return version === 0 ? undefined : { version, firstVersion, state };
  };
  const knownHead = (stream: StreamName, reply: unknown): StreamHead => {
    const head = headFrom(reply);
    if (head === undefined) throw streamNotFound(stream);
    return head;
  };

  const pageOf = (key: string, from: number, end: number | '+'): Promise<StreamEntry[]> =>
    reachable(redis.xrange(key, from, end, 'COUNT', PAGE)) as Promise<StreamEntry[]>;

  async function* read(stream: StreamName, { fromVersion = 1, toVersion }: ReadOptions = {}): AsyncGenerator<RecordedEvent> {
    checkStream(stream);
    const end = toVersion === undefined ? '+' : checkVersion('toVersion', toVersion);
    const last = toVersion ?? Infinity;
    let next = checkVersion('fromVersion', fromVersion);
    for (;;) {
      const entries = await pageOf(keyOf('s', stream), next, end);
      const first = entries[0] === undefined ? undefined : Number.parseInt(entries[0][0], 10);
      if (first !== next && next <= last) {
        // What is missing before them was archived, perhaps since the page before.
        for await (const entry of archivedEntries(redis, keyOf('a', stream), next)) {
          const event = recordedEvent(stream, entry);
          if (event.version > last || event.version === first) break;
          next = event.version + 1;
          yield event;
        }
      }
      for (const entry of entries) {
        const event = recordedEvent(stream, entry);
        next = event.version + 1;
        yield event;
      }
      if (entries.length < PAGE) return;
    }
  }

  /** The ids of an append were stored before, in this order: were these events? */
  const checkSame = async ({ stream, events }: CheckedAppend, firstVersion: number): Promise<void> => {
    let met = 0;
    for await (const stored of read(stream, { fromVersion: firstVersion, toVersion: firstVersion + events.length - 1 })) {
      const event = events[met++]!;
      if (stored.eventId !== event.eventId || !isSameEvent(event, stored)) throw eventIdReused(event.eventId);
    }
    if (met < events.length) throw streamClosed(stream, 'tombstoned'); // meanwhile
  };

  const appendTo = async (appends: readonly CheckedAppend[]): Promise<readonly AppendResult[]> => {
    const results = await calls.call(appendCall(appends), (reply) => resultsOf(reply as Reply, appends));
    for (const [i, { duplicate, firstVersion }] of results.entries()) if (duplicate) await checkSame(appends[i]!, firstVersion);
    return results;
  };

  /** Deletes what a tombstone has put aside, bit by bit: the server answers others in between. */
  const sweep = async (stream: StreamName): Promise<void> => {
    const forget = async (entries: readonly StreamEntry[]): Promise<void> => {
      const ids = entries.flatMap((entry) => entryFields(entry).id ?? []);
      if (ids.length > 0) await reachable(redis.hdel(`${root}ids`, ...ids));
    };
    let packed: StreamEntry[] = [];
    for await (const entry of archivedEntries(redis, keyOf('xa', stream), 1)) {
      packed.push(entry);
      if (packed.length < PAGE) continue;
      await forget(packed);
      packed = [];
    }
    await forget(packed);
    for (let next = 1; ;) {
      const entries = await pageOf(keyOf('x', stream), next, '+');
      await forget(entries);
      if (entries.length < PAGE) break;
      next = Number.parseInt(entries.at(-1)![0], 10) + 1;
    }
    await reachable(redis.unlink(keyOf('x', stream), keyOf('xa', stream)));
  };

  return {
    async append(stream, events, { expectedVersion, tx }) {
      refuseSqlTransaction(tx);
      return (await appendTo([checkAppend(stream, events, expectedVersion, limits)]))[0]!;
    },

    async appendAll(appends, { tx } = {}) {
      refuseSqlTransaction(tx);
      const sorted = inLockOrder(checkAppends(appends, limits));
      const results: AppendResult[] = [];
      for (const [i, result] of (await appendTo(sorted)).entries()) results[sorted[i]!.place] = result;
      return results;
    },

    read,

    epoch: epochOf(redis, namespace),

    async head(stream) {
      checkWritable(stream);
      return headFrom(await readHead(root, streamKeyOf(stream)));
    },

    async closeStream(stream) {
      checkWritable(stream);
      return knownHead(stream, await close(root, streamKeyOf(stream)));
    },

    async archive(stream, { toVersion = Number.MAX_SAFE_INTEGER } = {}) {
      checkWritable(stream);
      checkVersion('toVersion', toVersion);
      let head = knownHead(stream, await readHead(root, streamKeyOf(stream)));
      const target = Math.min(toVersion, head.version);
      for (;;) {
        if (head.state === 'tombstoned') throw streamClosed(stream, head.state);
        if (head.firstVersion > target) return head;
        const entries = await pageOf(keyOf('s', stream), head.firstVersion, target);
        const [first, last] = [entries[0], entries.at(-1)];
        if (first !== undefined && last !== undefined) {
          const packed = await packEntries(entries);
          const [from, to] = [Number.parseInt(first[0], 10), Number.parseInt(last[0], 10)];
          head = knownHead(stream, await archive(root, streamKeyOf(stream), from, to, packed));
        } else head = knownHead(stream, await readHead(root, streamKeyOf(stream)));
      }
    },

    async tombstone(stream, options) {
      checkWritable(stream);
      const event = tombstoneEvent(options, limits);
      const { eventId, eventType, data, metadata } = event;
      const head = knownHead(stream, await tombstone(root, streamKeyOf(stream), eventId, eventType, data, metadata));
      await sweep(stream);
      return head;
    },
  };
}
