import { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import { AmendsError } from '../errors.ts';
import { EmbeddedSession } from './embedded-session.ts';
import { SingleSession } from './single-session.ts';
import type { SqlNotification, SqlPool, SqlResult } from './sql.ts';

/** The only session of the embedded database as a pool: `pg.Pool` to BullMQ, {@link SqlPool} to us. */
export class EmbeddedPool extends EventEmitter implements SqlPool {
  /** BullMQ lets idle workers sleep long only where a lost connection would be noticed: here there is none to lose. */
  readonly options: { readonly max: number; readonly keepAlive: boolean } = { max: Infinity, keepAlive: true };
  readonly #database: SingleSession;
  readonly #close: () => Promise<void>;
  readonly #sessions = new Set<EmbeddedSession>();

  /** @param close closes the store: what `end` does */
  constructor(client: Client, database: SingleSession, close: () => Promise<void>) {
    super();
    this.#database = database;
    this.#close = close;
    this.setMaxListeners(0); // each queue and worker of BullMQ adds one
    client.on('notification', ({ channel, payload }) => this.#forward({ channel, payload }));
    client.on('error', (error) => this.fail(error));
  }

  async query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<SqlResult<Row>> {
    const turn = await this.#database.turn();
    try {
      const result = await this.#database.run<Row>(text, params);
      if (!this.#database.isInTransaction) return result;
    } finally {
      if (this.#database.isInTransaction) await this.#database.run('ROLLBACK').catch(() => undefined);
      turn.end();
    }
    throw new AmendsError(
      'NOT_ALLOWED',
      'a transaction was begun on the pool, where nobody could end it: begin it on a session of connect()',
    );
  }

  async connect(): Promise<EmbeddedSession> {
    this.#database.refuseClosed();
    const session = new EmbeddedSession(this.#database, (ended) => this.#sessions.delete(ended));
    this.#sessions.add(session);
    return session;
  }

  /** Closes the store. */
  end(): Promise<void> {
    return this.#close();
  }

  /** Refuses what comes from now on, ends the sessions, and resolves when nothing runs any more. */
  async drain(reason: AmendsError): Promise<void> {
    this.#database.close(reason);
    await Promise.all([...this.#sessions].map((session) => session.end(reason)));
    await this.#database.nextTurn();
  }

  /** Tells of a fault that no statement can report. */
  fail(error: Error): void {
    for (const emitter of [this, ...this.#sessions]) if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
  }

  #forward(message: SqlNotification): void {
    for (const session of this.#sessions) if (session.channels.has(message.channel)) session.emit('notification', message);
  }
}
