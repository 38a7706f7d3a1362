import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import type { Snapshot, Snapshots } from '../snapshots.ts';
import { defineScript, readLua } from './script.ts';
import { parseStored } from './stream-entry.ts';
import { streamKeyOf } from './stream-key.ts';

const SAVE = readLua(new URL('./head.lua', import.meta.url), new URL('./save-snapshot.lua', import.meta.url));

/** Hash `{namespace}:n:<stream>` has for each schema version `<version>:<state as JSON>`. */
export function createRedisSnapshots(redis: Redis, namespace: string): Snapshots {
  const root = keyRoot(namespace);
  const save = defineScript(redis, 'saveSnapshot', SAVE);
  return {
    async find(stream, schemaVersion) {
      const text = await reachable(redis.hget(`${root}n:${streamKeyOf(stream)}`, String(schemaVersion)));
      if (text === null) return undefined;
      const colon = text.indexOf(':');
      const state = parseStored(text.slice(colon + 1), `the snapshot of ${streamKeyOf(stream)}`) as Snapshot['state'];
      return { version: Number(text.slice(0, colon)), state };
    },

    async save(stream, schemaVersion, { version, state }) {
      await save(root, streamKeyOf(stream), schemaVersion, version, JSON.stringify(state));
    },
  };
}
