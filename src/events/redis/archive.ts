import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Redis } from 'ioredis';
import { reachable } from '../../connections/redis.ts';
import { parseStored } from './stream-entry.ts';
import type { StreamEntry } from './stream-entry.ts';

const pack = promisify(deflate);
const unpack = promisify(inflate);

/** Packs entries of a stream into one value. */
export async function packEntries(entries: readonly StreamEntry[]): Promise<Buffer> {
  return pack(JSON.stringify(entries));
}

/**
 * The archived entries of a stream from a version on, in order; `key` is the hash of its packs, each under the version it begins with. It
 * reads one pack at a time.
 */
export async function* archivedEntries(redis: Redis, key: string, fromVersion: number): AsyncGenerator<StreamEntry, void, undefined> {
  const firsts = (await reachable(redis.hkeys(key))).map(Number).sort((a, b) => a - b);
  const start = firsts.findLastIndex((first) => first <= fromVersion);
  for (const first of firsts.slice(Math.max(start, 0))) {
    const packed = await reachable(redis.hgetBuffer(key, String(first)));
    if (packed === null) return; // tombstoned meanwhile
    const entries = parseStored((await unpack(packed)).toString(), `the archive ${key} at ${first}`) as StreamEntry[];
    for (const entry of entries) if (Number.parseInt(entry[0], 10) >= fromVersion) yield entry;
  }
}
