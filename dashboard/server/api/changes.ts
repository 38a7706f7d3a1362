import type { RequestHandler, Response } from 'express';
import { changesQuery } from '../../api/changes.ts';
import { AmendsError } from '../../../src/errors.ts';
import type { Change, ChangeFeed } from '../../../src/operations/changes.ts';
import { refuse } from '../refusal.ts';
import { queryOf } from './query.ts';

const MOST_CLIENTS = 100;
/** A client that takes nothing any more is cut off there; it comes back with the place it had reached. */
const MOST_BUFFERED = 256 * 1_024;
const HEARTBEAT_MS = 10_000;
const RECONNECT_MS = 1_000;

/** Tells browsers of changes by server-sent events. */
export class ChangeStreams {
  readonly #feed: ChangeFeed;
  readonly #clients = new Set<Response>();

  constructor(feed: ChangeFeed) {
    this.#feed = feed;
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
    const send = (event: string, data: object, id?: string): void => {
      if (response.writableEnded || response.destroyed) return;
      response.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
      if (response.writableLength > MOST_BUFFERED) response.destroy();
    };
    try {
      // Before the tail begins, so that nothing comes between.
      const place = lastEventId ?? (await this.#feed.place());
      response
        .status(200)
        .set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
      response.flushHeaders();
      response.write(`retry: ${RECONNECT_MS}\n\n`);
      send('hello', {}, place);
      heartbeat = setInterval(() => send('heartbeat', {}), HEARTBEAT_MS);
      stop = await this.#feed.follow((told) => tell(told, transaction, send), place);
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

function tell(told: Change, transaction: string | undefined, send: (event: string, data: object, id?: string) => void): void {
  if ('reset' in told) send('reset', { reason: told.reset }, told.place);
  else if (transaction === undefined || told.change.id === transaction) send('change', told.change, told.place);
}
