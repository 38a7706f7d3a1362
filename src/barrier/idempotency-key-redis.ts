import { readFileSync } from 'node:fs';
import { AmendsError } from '../errors.ts';
import type { KeptReply } from './idempotency-key-reply.ts';
import { retentionOf, type HeldKey, type ReplyRetention, type ReplyStore } from './idempotency-key-store.ts';
import { evaluate, type RedisCommands } from './redis-script.ts';

export interface RedisRepliesOptions extends ReplyRetention {
  /** What its keys begin with. Default `idempotency_key:`. */
  readonly prefix?: string | undefined;
}

const SCRIPT = readFileSync(new URL('./idempotency-key.lua', import.meta.url), 'utf8');

/**
 * Keeps replies in Redis, which forgets them by itself. Redis' clock decides about leases. A reply is as durable as that Redis is: see its
 * persistence, and use the policy `noeviction`.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example app.post('/charges', express.json(), idempotencyKey({ store: redisReplies(redis) }), charge);
 */
export function redisReplies(redis: RedisCommands, options: RedisRepliesOptions = {}): ReplyStore {
  const { prefix = 'idempotency_key:' } = options;
  if (typeof prefix !== 'string') throw new AmendsError('INVALID_OPTION', `prefix is a ${typeof prefix}: give text`);
  const retentionMs = retentionOf(options);
  const run = (action: string, { scope, key, owner }: HeldKey, keepMs: number, ...args: string[]): Promise<unknown> => {
    const name = `${prefix}${encodeURIComponent(scope)}:${encodeURIComponent(key)}`;
    const [first = '', ...rest] = args;
    return evaluate(redis, SCRIPT, [name], [action, owner, first, String(keepMs), ...rest]);
  };
  return {
    async begin(key, fingerprint, leaseMs) {
      const reply = await run('begin', key, Math.max(retentionMs, leaseMs), String(leaseMs), fingerprint);
      const [kind, status, headers, body] = reply as ['begun' | 'running' | 'mismatch' | 'finished', string, string, string];
      if (kind !== 'finished') return { kind };
      const kept = JSON.parse(headers) as KeptReply['headers'];
      return { kind, reply: { status: Number(status), headers: kept, body: Buffer.from(body, 'base64') } };
    },
    renew: async (key, leaseMs) => (await run('renew', key, Math.max(retentionMs, leaseMs), String(leaseMs))) === 1,
    finish: async (key, { status, headers, body }) =>
      (await run('finish', key, retentionMs, String(status), JSON.stringify(headers), body.toString('base64'))) === 1,
    release: async (key) => {
      await run('release', key, retentionMs);
    },
  };
}
