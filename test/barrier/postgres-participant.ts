import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import { installBarrier, pgExecutor } from '../../src/barrier/index.ts';
import type { Place } from '../support/place.ts';
import { createPostgresPlace } from '../support/postgres-place.ts';
import type { Isolation, Session } from './fixture.ts';
import { Participant, type OpenTransaction } from './participant.ts';

export class PostgresParticipant extends Participant {
  #place: Place | undefined;
  #pool: Pool | undefined;

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the participant is not open yet');
    return this.#pool;
  }

  get url(): string {
    return this.#place!.url;
  }

  get executor() {
    return pgExecutor(this.pool);
  }

  async open(): Promise<void> {
    this.#place = await createPostgresPlace(`barrier_${randomBytes(6).toString('hex')}`);
    this.#pool = new Pool({ connectionString: this.#place.url, max: 16 });
    this.#pool.on('error', () => undefined); // sessions that a test has killed
    await installBarrier(this.executor);
    await this.#pool.query('CREATE TABLE effects (id serial PRIMARY KEY, gid text NOT NULL, op text NOT NULL, delta int NOT NULL)');
  }

  async close(): Promise<void> {
    await this.#pool?.end();
    await this.#place?.end({ keep: false });
  }

  async begin(isolation: Isolation): Promise<OpenTransaction> {
    const client = await this.pool.connect();
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    return {
      session: client,
      executor: pgExecutor(client),
      async commit() {
        await client.query('COMMIT');
        client.release();
      },
      rollback: () =>
        client.query('ROLLBACK').then(
          () => client.release(),
          () => client.release(true),
        ),
    };
  }

  async rows<Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query(sql, [...params])).rows as Row[];
  }

  async pause(session: Session | undefined, seconds: number): Promise<void> {
    await (session ?? this.pool).query('SELECT pg_sleep($1)', [seconds]);
  }

  protected async countWaiting(): Promise<number> {
    const waiting = await this.rows(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%txn_barrier%'`,
    );
    return waiting.length;
  }

  async age(gid: string, scope: string, ageMs: number, op = '%'): Promise<void> {
    await this.pool.query(`UPDATE txn_barrier SET created_at = now() - $2 * interval '1 ms' WHERE gid = $1 AND scope = $3 AND op LIKE $4`, [
      gid,
      ageMs,
      scope,
      op,
    ]);
  }
}
