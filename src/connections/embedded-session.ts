import { EventEmitter } from 'node:events';
import { AmendsError } from '../errors.ts';
import type { SingleSession, Turn } from './single-session.ts';
import type { SqlResult, SqlSession } from './sql.ts';

/**
 * How long a transaction may sit idle while others wait, milliseconds. There is one session: whoever asks the pool for something from
 * inside a transaction, and waits for the answer, would wait for ever.
 */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** BullMQ puts comments before it. */
const LISTEN = /^(?:\s|--[^\n]*(?:\n|$))*(UN)?LISTEN\s+("(?:[^"]|"")+"|[\w$]+|\*)\s*;?\s*$/i;
const NOTHING: SqlResult<never> = { rows: [], rowCount: null };

/** A name as PostgreSQL reads it: in lower case unless it is quoted. */
function nameOf(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier.toLowerCase();
}

/** A session of the embedded pool: it has the database to itself from BEGIN to the end of the transaction, and hears only its own channels. */
export class EmbeddedSession extends EventEmitter implements SqlSession {
  /** What this session listens on. */
  readonly channels = new Set<string>();
  readonly #database: SingleSession;
  readonly #onEnd: (session: EmbeddedSession) => void;
  /** The statements of a session run in the order of the calls, awaited or not. */
  #last: Promise<unknown> = Promise.resolve();
  /** Kept for as long as a transaction is open. */
  #turn: Turn | undefined;
  #idle: NodeJS.Timeout | undefined;
  #ended: AmendsError | undefined;

  constructor(database: SingleSession, onEnd: (session: EmbeddedSession) => void) {
    super();
    this.#database = database;
    this.#onEnd = onEnd;
  }

  query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<SqlResult<Row>> {
    return this.#inOrder(async () => {
      if (this.#ended !== undefined) throw this.#ended;
      const [, un, identifier] = LISTEN.exec(text) ?? [];
      if (identifier === undefined) return this.#run<Row>(text, params);
      const channel = nameOf(identifier);
      if (un !== undefined) return this.#stopListening(channel);
      const result = await this.#run<Row>(text, params);
      this.channels.add(channel);
      return result;
    });
  }

  /** Gives it back: rolls back what is open, and stops listening. */
  release(_destroy?: boolean): void {
    void this.end(new AmendsError('CLOSED', 'this session was given back to the embedded pool: take another one with connect()'));
  }

  /** Ends it after the statement that runs now; those that come later are rejected with `reason`. */
  end(reason: AmendsError): Promise<void> {
    return this.#inOrder(async () => {
      this.#ended ??= reason;
      clearTimeout(this.#idle);
      this.channels.clear();
      this.#onEnd(this);
      if (this.#turn === undefined) return;
      await this.#database.run('ROLLBACK').catch(() => undefined);
      this.#endTurn();
    });
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #run<Row>(text: string, params?: readonly unknown[]): Promise<SqlResult<Row>> {
    clearTimeout(this.#idle);
    this.#turn ??= await this.#database.turn();
    try {
      return await this.#database.run<Row>(text, params);
    } finally {
      if (this.#database.isInTransaction) this.#watchIdle();
      else this.#endTurn();
    }
  }

  /** The database is not told: to it all sessions are one, and another one may listen on the same channel. */
  #stopListening(channel: string): SqlResult<never> {
    if (channel === '*') this.channels.clear();
    else this.channels.delete(channel);
    return NOTHING;
  }

  #endTurn(): void {
    this.#turn?.end();
    this.#turn = undefined;
  }

  #watchIdle(): void {
    this.#idle = setTimeout(() => {
      if (!this.#database.isWaitedFor) return this.#watchIdle();
      const problem =
        `a transaction was idle for ${IDLE_IN_TRANSACTION_MS / 1000} s while others waited for the embedded store's only session, and was rolled back: ` +
        'pass the session (tx) to what you call inside a transaction, and end it soon';
      void this.end(new AmendsError('NOT_ALLOWED', problem));
    }, IDLE_IN_TRANSACTION_MS).unref();
  }
}
