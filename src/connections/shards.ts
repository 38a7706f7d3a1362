import { AmendsError } from '../errors.ts';
import { SLOTS, slotOf } from './slots.ts';

const MOST_SHARDS = 256;

/** @throws {AmendsError} INVALID_OPTION */
export function checkShards(shards: number): number {
  if (Number.isSafeInteger(shards) && shards >= 1 && shards <= MOST_SHARDS) return shards;
  throw new AmendsError('INVALID_OPTION', `shards is ${String(shards)}: give a whole number from 1 to ${MOST_SHARDS}`);
}

/** Whether a slot is in the middle quarter of a shard's part of all slots: clear of its ends, where the range of a master may end too. */
function isAmid(slot: number, shard: number, shards: number): boolean {
  const place = (slot * shards) / SLOTS - shard;
  return place >= 3 / 8 && place < 5 / 8;
}

/**
 * The hash tags of the shards, in the order of their numbers. The only one has the namespace's own, as a store without shards. Several are spread
 * evenly over the slots, which masters have in ranges: named by their numbers alone, one master would get thrice its share and another nothing. So
 * each takes the first name that falls into its part of the slots: `orders.3`, `orders.3.1`, `orders.3.2`, … A namespace has no `.`, so none meets
 * another's.
 */
export function shardTags(namespace: string, shards: number): readonly string[] {
  if (shards === 1) return [namespace];
  return Array.from({ length: shards }, (_, shard) => {
    const name = `${namespace}.${shard}`;
    for (let tag = name, tried = 1; ; tag = `${name}.${tried++}`) if (isAmid(slotOf(tag), shard, shards)) return tag;
  });
}

/**
 * The shard of a transaction: the same in every process and for ever, or it would not be found again. FNV-1a over the UTF-16 units, then the
 * finalizer of MurmurHash3, which spreads ids that differ in their last character only.
 */
export function shardOf(id: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}
