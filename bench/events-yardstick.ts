import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { Aggregates, PAGE, payload, type EventContender } from './events-contender.ts';

/** A bare XADD for each event: no version, no idempotency, no order over the streams. */
export class PlainStream implements EventContender {
  readonly #redis: Redis;
  readonly #aggregates = new Aggregates();

  constructor(url: string) {
    this.#redis = new Redis(url, { replyMapping: 'legacy' });
  }

  async append(lane: number, size: number): Promise<void> {
    this.#aggregates.next(lane, size);
    const add = (): Promise<unknown> =>
      this.#redis.xadd('events', '*', 'id', randomUUID(), 'type', 'placed', 'data', JSON.stringify(payload()), 'at', String(Date.now()));
    await Promise.all(Array.from({ length: size }, add));
  }

  async readAll(): Promise<number> {
    let met = 0;
    for (let from = '-'; ;) {
      const entries = await this.#redis.xrange('events', from, '+', 'COUNT', PAGE);
      for (const [, fields] of entries) if (JSON.parse(fields[5]!) !== null) met++;
      if (entries.length < PAGE) return met;
      from = `(${entries.at(-1)![0]}`;
    }
  }

  async close(): Promise<void> {
    await this.#redis.quit();
  }
}

/** A plain INSERT into a table with a unique version: no idempotency, and an order over the streams that loses events. */
export class PlainTable implements EventContender {
  readonly #pool: Pool;
  readonly #aggregates = new Aggregates();

  private constructor(pool: Pool) {
    this.#pool = pool;
  }

  static async open(url: string): Promise<PlainTable> {
    const pool = new Pool({ connectionString: url, max: 20 });
    await pool.query(`CREATE TABLE plain (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, aggregate_id text NOT NULL, version bigint NOT NULL,
      event_type text NOT NULL, event_data json NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (aggregate_id, version))`);
    return new PlainTable(pool);
  }

  async append(lane: number, size: number): Promise<void> {
    const { id, version } = this.#aggregates.next(lane, size);
    const rows = Array.from({ length: size }, (_, i) => [randomUUID(), id, version + i + 1, 'placed', JSON.stringify(payload())]);
    const values = rows.map((_, i) => `($${5 * i + 1}, $${5 * i + 2}, $${5 * i + 3}, $${5 * i + 4}, $${5 * i + 5})`).join(', ');
    await this.#pool.query(`INSERT INTO plain (event_id, aggregate_id, version, event_type, event_data) VALUES ${values}`, rows.flat());
  }

  async readAll(): Promise<number> {
    let met = 0;
    for (let after = '0'; ;) {
      const { rows } = await this.#pool.query<{ id: string }>('SELECT * FROM plain WHERE id > $1 ORDER BY id LIMIT $2', [after, PAGE]);
      met += rows.length;
      if (rows.length < PAGE) return met;
      after = rows.at(-1)!.id;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
