import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { AmendsError } from '../errors.ts';
import type { RedisServers } from './redis-servers.ts';
import { keyRoot, reachable } from './redis.ts';
import { shardTags } from './shards.ts';

const CLAIM_SHARDS = readFileSync(new URL('./claim-shards.lua', import.meta.url), 'utf8');

/** Where a shard is. */
export interface RedisShard {
  /** Its hash tag, in place of the namespace. */
  readonly tag: string;
  readonly redis: Redis;
}

/**
 * The number of shards of a namespace, which is settled by the first that gives one and stays. `undefined`: none is settled, and none was given.
 *
 * @throws {AmendsError} INVALID_OPTION when it is another one
 */
async function settleShards(redis: Redis, namespace: string, wanted: number | undefined): Promise<number | undefined> {
  const settled = await reachable(redis.eval(CLAIM_SHARDS, 1, keyRoot(namespace), wanted === undefined ? '' : String(wanted)));
  if (settled === null) return undefined;
  const shards = Number(settled);
  if (wanted === undefined || wanted === shards) return shards;
  throw new AmendsError(
    'INVALID_OPTION',
    `shards is ${wanted}, but namespace "${namespace}" has ${shards}, and its transactions would not be found in others: ` +
      `connect with shards: ${shards} (or without it); for another number take a new namespace, and let workers of this one end what it has`,
    { details: { namespace, shards, wanted } },
  );
}

/**
 * Connections to the shards of a namespace, and to its own hash tag, under which all is that belongs to no transaction.
 *
 * @param wanted number of shards; `undefined`: as many as it has
 * @throws {AmendsError} INVALID_OPTION when it has another number
 */
export async function openRedisShards(
  servers: RedisServers,
  namespace: string,
  wanted: number | undefined,
): Promise<{
  readonly own: Redis;
  readonly shards: readonly RedisShard[];
  /** Settles on the one shard there is; absent where the number is settled. */
  readonly settle?: () => Promise<void>;
}> {
  const own = await servers.connectionFor(namespace);
  const settled = await settleShards(own, namespace, wanted);
  const tags = shardTags(namespace, settled ?? 1);
  const shards = await Promise.all(tags.map(async (tag) => ({ tag, redis: await servers.connectionFor(tag) })));
  return settled === undefined ? { own, shards, settle: async () => void (await settleShards(own, namespace, 1)) } : { own, shards };
}
