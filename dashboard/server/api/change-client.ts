import type { Response } from 'express';
import type { Changes, TransactionChange } from '../../../src/operations/changes.ts';

/** Changes that wait for a client; of more it is told at once that it has missed some. */
const MOST_WAITING = 10_000;
/** Changes in one write. */
const AT_ONCE = 100;
const RECONNECT_MS = 1_000;

/** What is said in one write: something of its own, or changes. */
interface Piece {
  readonly text?: string;
  readonly changes?: readonly TransactionChange[];
  /** Where it can go on once it has this. */
  readonly place?: string;
}

export interface ChangeClientOptions {
  /** Only of this one. */
  readonly transaction: string | undefined;
  /** One that takes nothing for so long is cut off. */
  readonly patienceMs: number;
  /** Those that it may be told of. */
  readonly visible: (changes: readonly TransactionChange[]) => Promise<readonly TransactionChange[]>;
}

function eventText(event: string, data: object, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/**
 * One browser that is told of changes, as fast as it takes them: what it has not taken waits here, up to a bound. One that takes nothing at all for
 * a while is cut off; it comes back with the place it had reached.
 */
export class ChangeClient {
  readonly #response: Response;
  readonly #options: ChangeClientOptions;
  #waiting: Piece[] = [];
  #changesWaiting = 0;
  #writing = false;
  #place: string;

  constructor(response: Response, place: string, options: ChangeClientOptions) {
    this.#response = response;
    this.#place = place;
    this.#options = options;
  }

  hello(): void {
    this.#add({ text: `retry: ${RECONNECT_MS}\n\n${eventText('hello', {}, this.#place)}` });
  }

  /** Says how far it is as well: of others' changes one that follows a single transaction hears nothing. */
  heartbeat(): void {
    if (!this.#writing) this.#add({ text: eventText('heartbeat', {}, this.#place) });
  }

  readonly tell = (told: Changes): void => {
    const { place } = told;
    if ('reset' in told) {
      this.#add({ text: eventText('reset', { reason: told.reset }, place), place });
      return;
    }
    const { transaction } = this.#options;
    const changes = told.changes.filter(({ id }) => transaction === undefined || id === transaction);
    if (this.#changesWaiting > 0 && this.#changesWaiting + changes.length > MOST_WAITING) {
      this.#waiting = [];
      this.#changesWaiting = 0;
      this.#add({ text: eventText('reset', { reason: 'more has happened than could be told here' }, place), place });
      return;
    }
    for (let from = 0; from < changes.length; from += AT_ONCE) {
      const isLast = from + AT_ONCE >= changes.length;
      this.#add({ changes: changes.slice(from, from + AT_ONCE), ...(isLast ? { place } : {}) });
    }
    if (changes.length === 0) this.#reach(place);
  };

  /** Nothing to be told, but a place that was reached. */
  #reach(place: string): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.text === undefined && last.changes === undefined) this.#waiting.pop();
    this.#add({ place });
  }

  #add(piece: Piece): void {
    this.#waiting.push(piece);
    this.#changesWaiting += piece.changes?.length ?? 0;
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    const response = this.#response;
    this.#writing = true;
    try {
      for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift()) {
        this.#changesWaiting -= piece.changes?.length ?? 0;
        const text = piece.text ?? (await this.#textOf(piece));
        if (response.writableEnded || response.destroyed) return;
        this.#place = piece.place ?? this.#place;
        if (text !== '' && !response.write(text) && !(await this.#drained())) response.destroy();
      }
    } catch {
      // Who may see what could not be found out: it comes back by itself, and asks again.
      response.destroy();
    } finally {
      this.#writing = false;
    }
  }

  /** Only the last of them has the place: one that is cut before it has to be told of the others again. */
  async #textOf({ changes = [], place }: Piece): Promise<string> {
    if (changes.length === 0) return '';
    const seen = await this.#options.visible(changes);
    const texts = seen.map(({ tags: _tags, ...change }, i) => eventText('change', change, i === seen.length - 1 ? place : undefined));
    return texts.join('');
  }

  /** @returns `false`: it took nothing for too long, or is gone */
  #drained(): Promise<boolean> {
    const response = this.#response;
    return new Promise((resolve) => {
      const end = (drained: boolean): void => {
        clearTimeout(impatience);
        response.off('drain', onDrain).off('close', onClose);
        resolve(drained);
      };
      const onDrain = (): void => end(true);
      const onClose = (): void => end(false);
      const impatience = setTimeout(() => end(false), this.#options.patienceMs);
      response.once('drain', onDrain).once('close', onClose);
    });
  }
}
