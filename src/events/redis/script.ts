import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';

/** A script on one connection. `KEYS[1]` is always the root of the namespace's keys, the rest are `ARGV`. */
export type RedisScript = (root: string, ...args: readonly (string | number | Buffer)[]) => Promise<unknown>;

/** Reads Lua files and joins them, shared parts first. */
export function readLua(...files: readonly URL[]): string {
  return files.map((file) => readFileSync(file, 'utf8')).join('\n');
}

/** The shared part that gives `now_ms()`. */
export const CLOCK: URL = new URL('./clock.lua', import.meta.url);

/** The shared part that gives `fit_to_size(root, stream)`. */
export const FIT: URL = new URL('./fit.lua', import.meta.url);

/** What a script's own error means to its caller. */
export function storeError(error: unknown): unknown {
  // XADD takes ids in rising order only: the stream's own guard against two events at one version.
  if (!(error instanceof Error && error.message.includes('equal or smaller'))) return error;
  return new AmendsError('STORE_CORRUPT', 'a stream has more events than its version says: keys were deleted or restored one by one', {
    cause: error,
  });
}

/** Makes a script callable: sent whole once per connection, by its hash from then on. */
export function defineScript(redis: Redis, name: string, lua: string): RedisScript {
  const command = `amends:${name}`;
  redis.defineCommand(command, { lua, numberOfKeys: 1 });
  const commands = redis as unknown as Record<string, RedisScript>;
  return async (root, ...args) => {
    try {
      return await reachable(commands[command]!(root, ...args));
    } catch (error) {
      throw storeError(error);
    }
  };
}

/** Refuses a connection whose keys would not be where the scripts look. */
export function checkClient(redis: Redis): void {
  if (!redis.options.keyPrefix) return;
  throw new AmendsError('INVALID_OPTION', "the Redis connection has a keyPrefix, which scripts don't see: drop it and use namespace");
}
