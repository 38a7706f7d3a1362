import type { RequestHandler, Response } from 'express';
import { changesQuery } from '../../api/changes.ts';
import { AmendsError } from '../../../src/errors.ts';
import type { ChangeFeed } from '../../../src/operations/changes.ts';
import type { Access } from '../access.ts';
import { refuse } from '../refusal.ts';
import { ChangeClient } from './change-client.ts';
import { queryOf } from './query.ts';

const MOST_CLIENTS = 100;
const HEARTBEAT_MS = 10_000;
/** A client that takes nothing for so long is cut off. */
const PATIENCE_MS = 20_000;

/** Tells browsers of changes by server-sent events. */
export class ChangeStreams {
  readonly #feed: Pick<ChangeFeed, 'follow' | 'place' | 'close'>;
  readonly #access: Pick<Access, 'visible'>;
  readonly #patienceMs: number;
  readonly #clients = new Set<Response>();

  constructor(feed: Pick<ChangeFeed, 'follow' | 'place' | 'close'>, access: Pick<Access, 'visible'>, patienceMs: number = PATIENCE_MS) {
    this.#feed = feed;
    this.#access = access;
    this.#patienceMs = patienceMs;
  }

  readonly handler: RequestHandler = async (request, response) => {
    const query = changesQuery.safeParse(queryOf(request.originalUrl));
    if (!query.success) throw new AmendsError('INVALID_OPTION', query.error.issues.map(({ message }) => message).join('; '));
    if (this.#clients.size >= MOST_CLIENTS) {
      refuse(response.set('Retry-After', '5'), 503, `${MOST_CLIENTS} others are being told of changes already: try again later`);
      return;
    }
    this.#clients.add(response);
    const { transaction } = query.data;
    const given = request.headers['last-event-id'] ?? query.data.lastEventId;
    const lastEventId = typeof given === 'string' && given !== '' ? given : undefined;
    let stop: (() => void) | undefined;
    let heartbeat: NodeJS.Timeout | undefined;
    response.once('close', () => {
      this.#clients.delete(response);
      clearInterval(heartbeat);
      stop?.();
    });
    try {
      // Before the tail begins, so that nothing comes between.
      const place = lastEventId ?? (await this.#feed.place());
      if (response.destroyed) return; // it left meanwhile: nothing may begin that only its leaving ends
      response
        .status(200)
        .set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
      response.flushHeaders();
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      const client = new ChangeClient(response, place, {
        transaction,
        patienceMs: this.#patienceMs,
        visible: (some) => this.#access.visible(request, some),
      });
      client.hello();
      heartbeat = setInterval(() => client.heartbeat(), HEARTBEAT_MS);
      stop = await this.#feed.follow(client.tell, place);
      if (response.destroyed) stop();
    } catch (error) {
      if (!response.headersSent) {
        this.#clients.delete(response);
        throw error;
      }
      // It comes back by itself.
      response.destroy();
    }
  };

  /** Ends all, so that no connection holds the server. */
  async close(): Promise<void> {
    for (const response of this.#clients) response.end();
    await this.#feed.close();
  }
}
