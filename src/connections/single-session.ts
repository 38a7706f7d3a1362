import type { Client } from 'pg';
import type { SqlResult } from './sql.ts';

/** Statements that are kept prepared: planning them costs more than running them. Texts beyond that are planned each time. */
const PREPARED = 500;
/** How long statements may follow each other before the rest of the process gets its turn. */
const BUSY_MS = 5;

/** The right to run statements, until it ends. */
export interface Turn {
  end(): void;
}

/** The only session of a database, taken in turns: whoever has the turn runs statements, the others wait in the order they came in. */
export class SingleSession {
  readonly #client: Client;
  readonly #names = new Map<string, string>();
  readonly #waiting: (() => void)[] = [];
  #busy = false;
  #statements = 0;
  #pausedAtMs = 0;
  #closed: Error | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Statements run so far. */
  get statements(): number {
    return this.#statements;
  }

  get isWaitedFor(): boolean {
    return this.#waiting.length > 0;
  }

  /** A failed transaction is open too, until it is rolled back. */
  get isInTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I';
  }

  /** Rejects everybody who asks for a turn from now on. */
  close(reason: Error): void {
    this.#closed ??= reason;
  }

  refuseClosed(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  async turn(): Promise<Turn> {
    this.refuseClosed();
    return this.nextTurn();
  }

  /** A turn also after `close`, to end what is left. */
  nextTurn(): Promise<Turn> {
    return new Promise((resolve) => {
      const begin = (): void => resolve({ end: this.#ending() });
      if (this.#busy) this.#waiting.push(begin);
      else begin();
      this.#busy = true;
    });
  }

  /** For whoever has the turn. Without `params` the text may have several statements. */
  async run<Row>(text: string, params?: readonly unknown[]): Promise<SqlResult<Row>> {
    this.#statements++;
    const result =
      params === undefined
        ? await this.#client.query(text)
        : await this.#client.query({ ...this.#prepared(text), text, values: [...params] });
    return result;
  }

  #ending(): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy = false;
      else this.#pass(next);
    };
  }

  /** The database answers in microtasks: while many ask, timers, sockets and signals would get no turn at all. */
  #pass(next: () => void): void {
    if (performance.now() - this.#pausedAtMs < BUSY_MS) return next();
    setImmediate(() => {
      this.#pausedAtMs = performance.now();
      next();
    });
  }

  #prepared(text: string): { readonly name?: string } {
    const known = this.#names.get(text);
    if (known !== undefined) return { name: known };
    if (this.#names.size >= PREPARED) return {};
    const name = `amends_${this.#names.size}`;
    this.#names.set(text, name);
    return { name };
  }
}
