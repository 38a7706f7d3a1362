import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Pool } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { installBarrier, pgExecutor, pgReplies, redisReplies, type ReplyRetention, type ReplyStore } from '../../src/barrier/index.ts';
import { openRedis } from '../../src/connections/redis.ts';
import type { Place } from '../support/place.ts';
import { createPostgresPlace } from '../support/postgres-place.ts';
import { serverUrl } from '../support/server-url.ts';

/** An HTTP participant's databases: charges and the barrier in PostgreSQL, and both kinds of reply store. */
export class HttpParticipant {
  readonly #name = `idempotency_${randomBytes(6).toString('hex')}`;
  /** For sagas that call it. */
  readonly namespace = this.#name;
  #place: Place | undefined;
  #pool: Pool | undefined;
  #redis: Redis | undefined;

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the participant is not open yet');
    return this.#pool;
  }

  get redis(): Redis {
    return this.#redis!;
  }

  store(kind: 'PostgreSQL' | 'Redis', retention: ReplyRetention = {}): ReplyStore {
    return kind === 'Redis' ? redisReplies(this.redis, { prefix: `${this.#name}:`, ...retention }) : pgReplies(this.pool, retention);
  }

  async open(): Promise<void> {
    this.#place = await createPostgresPlace(this.#name);
    this.#pool = new Pool({ connectionString: this.#place.url, max: 16 });
    this.#pool.on('error', () => undefined); // sessions that a test has killed
    this.#redis = await openRedis(serverUrl('REDIS_URL'));
    await installBarrier(pgExecutor(this.#pool));
    await pgReplies(this.#pool).install();
    await this.#pool.query('CREATE TABLE charges (id serial PRIMARY KEY, ref text NOT NULL, cents int NOT NULL)');
  }

  /** Cents that were charged under a reference. */
  async charged(ref: string): Promise<number> {
    const { rows } = await this.pool.query<{ cents: number }>('SELECT coalesce(sum(cents), 0)::int AS cents FROM charges WHERE ref = $1', [
      ref,
    ]);
    return rows[0]!.cents;
  }

  async charge(ref: string, cents: number): Promise<void> {
    await this.pool.query('INSERT INTO charges (ref, cents) VALUES ($1, $2)', [ref, cents]);
  }

  async close(): Promise<void> {
    const keys = [...(await this.redis.keys(`${this.#name}:*`)), ...(await this.redis.keys(`*{${this.namespace}}*`))];
    if (keys.length > 0) await this.redis.unlink(...keys);
    await this.redis.quit();
    await this.pool.end();
    await this.#place?.end({ keep: false });
  }
}

export function useHttpParticipant(): HttpParticipant {
  const participant = new HttpParticipant();
  beforeAll(() => participant.open());
  afterAll(() => participant.close());
  return participant;
}

let keys = 0;
export const nextKey = (): string => `key-${++keys}`;

/** A moment that a test waits for, or lets others wait for. */
export function moment(): { readonly reached: Promise<void>; reach(): void } {
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return { reached, reach };
}
