import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import { TOMBSTONE, type StreamState } from '../event-store.ts';
import type { LoggedEvent } from '../global-log.ts';
import type { EventTransfer } from '../transfer.ts';
import { defineScript, FIT, readLua } from './script.ts';
import { streamKeyOf, streamNameOf } from './stream-key.ts';

const lua = (file: string): URL => new URL(file, import.meta.url);
const HEAD = lua('./head.lua');
const RESTORE = readLua(HEAD, FIT, lua('./restore.lua'));
const READ_HEAD = readLua(HEAD, lua('./read-head.lua'));

function restoreArguments(event: LoggedEvent): readonly (string | number)[] {
  const { position, version, eventId, eventType, schemaVersion, eventData, metadata, timestamp } = event;
  const meta = JSON.stringify(metadata);
  const schema = schemaVersion === 1 ? '' : schemaVersion;
  const data = JSON.stringify(eventData);
  return [position, streamKeyOf(event), version, eventId, eventType, data, timestamp.getTime(), schema, meta === '{}' ? '' : meta];
}

export function createRedisTransfer(redis: Redis, namespace: string): EventTransfer {
  const root = keyRoot(namespace);
  const restore = defineScript(redis, 'restore', RESTORE);
  const readHead = defineScript(redis, 'readHead', READ_HEAD);
  return {
    hash: 'sha1',

    async *heads() {
      for await (const found of redis.hscanStream(`${root}heads`, { count: 500 })) {
        for (const stream of (found as string[]).filter((_, i) => i % 2 === 0)) {
          const [version, firstVersion, state] = (await readHead(root, stream)) as [number, number, StreamState];
          yield { ...streamNameOf(stream), version, firstVersion, state };
        }
      }
    },

    async put(events) {
      const missing = await restore(root, TOMBSTONE, ...events.flatMap(restoreArguments));
      if (typeof missing !== 'string') return;
      const problem = `events are missing of stream ${JSON.stringify(missing)}: the dump is not complete, or not in its order`;
      throw new AmendsError('INVALID_INPUT', problem);
    },

    async putHead(position) {
      const head = Number((await reachable(redis.get(`${root}log:head`))) ?? 0);
      if (position > head) await reachable(redis.set(`${root}log:head`, position));
    },
  };
}
