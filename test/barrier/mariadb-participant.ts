import { randomBytes } from 'node:crypto';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { installBarrier, mysqlExecutor } from '../../src/barrier/index.ts';
import { createMariadbPlace, type MariadbPlace } from '../support/mariadb-place.ts';
import type { Isolation, Session } from './fixture.ts';
import { Participant, type OpenTransaction } from './participant.ts';

/** The tests number their parameters, each in its order. */
const numbered = (sql: string): string => sql.replace(/\$\d+/g, '?');

export function sessionOf(connection: Pick<PoolConnection, 'query'>): Session {
  return { query: (sql, params = []) => connection.query(numbered(sql), params) };
}

export class MariadbParticipant extends Participant {
  #place: MariadbPlace | undefined;
  #pool: Pool | undefined;

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the participant is not open yet');
    return this.#pool;
  }

  get url(): string {
    return this.#place!.url;
  }

  get executor() {
    return mysqlExecutor(this.pool);
  }

  async open(): Promise<void> {
    this.#place = await createMariadbPlace(`barrier_${randomBytes(6).toString('hex')}`);
    this.#pool = createPool({ uri: this.#place.url, connectionLimit: 16 });
    await installBarrier(this.executor);
    await this.#pool.query(
      'CREATE TABLE effects (id serial PRIMARY KEY, gid varchar(255) NOT NULL, op varchar(16) NOT NULL, delta int NOT NULL, KEY (gid))',
    );
  }

  async close(): Promise<void> {
    await this.#pool?.end();
    await this.#place?.end();
  }

  async begin(isolation: Isolation): Promise<OpenTransaction> {
    const connection = await this.pool.getConnection();
    await connection.query(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
    await connection.query('START TRANSACTION');
    return {
      session: sessionOf(connection),
      executor: mysqlExecutor(connection),
      async commit() {
        await connection.query('COMMIT');
        connection.release();
      },
      rollback: () =>
        connection.query('ROLLBACK').then(
          () => connection.release(),
          () => connection.destroy(),
        ),
    };
  }

  async rows<Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    const [rows] = await this.pool.query(numbered(sql), [...params]);
    return rows as Row[];
  }

  async pause(session: Session | undefined, seconds: number): Promise<void> {
    await (session ?? sessionOf(this.pool)).query('SELECT SLEEP($1)', [seconds]);
  }

  protected async countWaiting(): Promise<number> {
    // Not information_schema.innodb_trx: whoever reads it again within 100 ms gets what was there before.
    const [status] = await this.rows<{ Status: string }>('SHOW ENGINE INNODB STATUS');
    const waiting = status!.Status.split('---TRANSACTION').filter((trx) => trx.includes('LOCK WAIT') && trx.includes('txn_barrier'));
    const ours = await this.rows<{ id: number }>('SELECT id FROM information_schema.processlist WHERE db = DATABASE()');
    return waiting.filter((trx) => ours.some(({ id }) => trx.includes(`MariaDB thread id ${id},`))).length;
  }

  async age(gid: string, scope: string, ageMs: number, op = '%'): Promise<void> {
    await this.pool.query(
      'UPDATE txn_barrier SET created_at = UTC_TIMESTAMP(6) - INTERVAL ? SECOND WHERE gid = ? AND scope = ? AND op LIKE ?',
      [ageMs / 1000, gid, scope, op],
    );
  }
}
