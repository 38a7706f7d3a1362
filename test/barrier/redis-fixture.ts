import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import {
  redisBarrier,
  type BarrierCall,
  type BarrierOp,
  type BarrierOutcome,
  type RedisBarrierOptions,
  type RedisWork,
} from '../../src/barrier/index.ts';
import { openRedis } from '../../src/connections/redis.ts';
import { serverUrl } from '../support/server-url.ts';

const CONNECTIONS = 6;

/** A participant that keeps its data in Redis: a balance for each transaction, and a list of what was done to it. */
export class RedisParticipant {
  /** Of all keys and of all transactions, so that this file meets no other. */
  readonly prefix = `barrier_${randomBytes(6).toString('hex')}`;
  readonly #connections: Redis[] = [];
  #next = 0;
  #calls = 0;

  /** Another connection each time: what is sent at once races. */
  get redis(): Redis {
    const redis = this.#connections[this.#next++ % CONNECTIONS];
    if (redis === undefined) throw new Error('the participant is not open yet');
    return redis;
  }

  async open(): Promise<void> {
    for (let i = 0; i < CONNECTIONS; i++) this.#connections.push(await openRedis(serverUrl('REDIS_URL')));
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const some of this.redis.scanStream({ match: `*${this.prefix}*`, count: 1000 })) keys.push(...(some as string[]));
    return keys;
  }

  async close(): Promise<void> {
    const [first] = this.#connections;
    const keys = await this.keys();
    for (let i = 0; i < keys.length; i += 500) await first?.unlink(...keys.slice(i, i + 500));
    await Promise.all(this.#connections.map((redis) => redis.quit()));
  }

  /** A transaction nobody else has, and its operations. */
  operations(): Record<BarrierOp, BarrierCall> & { readonly gid: string } {
    const gid = `${this.prefix}-${++this.#calls}`;
    const call = (op: BarrierOp): BarrierCall => ({ gid, branchId: 'debit', op, input: { cents: 100 } });
    return { gid, run: call('run'), compensate: call('compensate'), try: call('try'), confirm: call('confirm'), cancel: call('cancel') };
  }

  /** What the operation does: +1, and -1 for its undo; gives what it was and what its action has given. */
  effect({ gid, op }: BarrierCall): RedisWork {
    return {
      keys: [`${gid}:effects`],
      args: [op, op === 'compensate' || op === 'cancel' ? -1 : 1],
      script: `
        redis.call('RPUSH', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
        return { ARGV[1], tonumber(ARGV[2]), undone and undone[1] or false }`,
    };
  }

  deliver(call: BarrierCall, work: RedisWork = this.effect(call), options?: RedisBarrierOptions): Promise<BarrierOutcome<unknown>> {
    return redisBarrier(this.redis, call, work, options);
  }

  /** The operations that had an effect, in order. */
  async effects(gid: string): Promise<string[]> {
    return (await this.redis.lrange(`${gid}:effects`, 0, -1)).map((entry) => entry.split(' ')[0]!);
  }

  async net(gid: string): Promise<number> {
    return (await this.redis.lrange(`${gid}:effects`, 0, -1)).reduce((sum, entry) => sum + Number(entry.split(' ')[1]), 0);
  }
}

export function useRedisParticipant(): RedisParticipant {
  const participant = new RedisParticipant();
  beforeAll(() => participant.open());
  afterAll(() => participant.close());
  return participant;
}
