import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import { defineScript, readLua } from './script.ts';

const EPOCH = readLua(new URL('./epoch.lua', import.meta.url));

/**
 * Reads the epoch, and begins another one when the server is not the one that the last was begun on. A failover gives a server another
 * replication id, and so does every start.
 *
 * @throws {AmendsError} STORE_UNSAFE when the server does not say who it is
 */
export function epochOf(redis: Redis, namespace: string): () => Promise<string> {
  const root = keyRoot(namespace);
  const script = defineScript(redis, 'epoch', EPOCH);
  return async () => {
    const info = await reachable(redis.info('replication'));
    const server = /^master_replid:(\w+)/m.exec(info)?.[1];
    if (server === undefined) {
      throw new AmendsError('STORE_UNSAFE', 'Redis does not tell its replication id: permit it with ACL SETUSER <user> +info');
    }
    return (await script(root, server, randomBytes(12).toString('base64url'))) as string;
  };
}
