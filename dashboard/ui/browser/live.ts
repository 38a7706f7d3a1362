import { useEffect, useState } from 'preact/hooks';
import type { Change } from '../../api/changes.ts';
import { base } from './place.ts';

/** `reconnecting`: the connection was cut and is being made again; it goes on from where it was. */
export type Connection = 'connecting' | 'live' | 'reconnecting';

interface Listener {
  readonly changed: (change: Change) => void;
  /** Something may have been missed: look again. */
  readonly missed: () => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** The server's heartbeat comes more often than this: a connection that is silent for longer is dead, whatever TCP thinks. */
const SILENCE_MS = 45_000;

/** One event source for the whole console: a browser has six connections to a host. */
class Feed {
  #source: EventSource | undefined;
  #lastId: string | undefined;
  #state: Connection = 'connecting';
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasHeartbeat = false;
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Set<(state: Connection) => void>();

  get state(): Connection {
    return this.#state;
  }

  watch(watcher: (state: Connection) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#source === undefined && this.#timer === undefined) this.#open();
    return () => this.#listeners.delete(listener);
  }

  #tell(state: Connection): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const watcher of this.#watchers) watcher(state);
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const resume = this.#lastId === undefined ? '' : `?lastEventId=${encodeURIComponent(this.#lastId)}`;
    const source = new EventSource(`${base}events${resume}`);
    this.#source = source;
    source.addEventListener('open', () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#tell('live');
      this.#watchSilence();
    });
    source.addEventListener('hello', (event) => {
      this.#heard(event);
      // What was read before this moment may have changed since without a word; and what isn't told as a change (services, counts) too.
      for (const listener of this.#listeners) listener.missed();
    });
    source.addEventListener('change', (event) => {
      this.#heard(event);
      const change = JSON.parse(event.data as string) as Change;
      for (const listener of this.#listeners) listener.changed(change);
    });
    source.addEventListener('heartbeat', (event) => {
      this.#hasHeartbeat = true;
      this.#heard(event);
    });
    source.addEventListener('reset', (event) => {
      this.#heard(event);
      for (const listener of this.#listeners) listener.missed();
    });
    source.addEventListener('error', () => this.#again(source));
  }

  #heard({ lastEventId }: MessageEvent): void {
    if (lastEventId !== '') this.#lastId = lastEventId;
    this.#watchSilence();
  }

  #watchSilence(): void {
    clearTimeout(this.#timer);
    if (this.#hasHeartbeat) this.#timer = setTimeout(() => this.#again(this.#source), SILENCE_MS);
  }

  /** Made anew by ourselves: the browser gives up for good when the answer is anything but 200, as a proxy's is while the server starts. */
  #again(source: EventSource | undefined): void {
    if (source === undefined || source !== this.#source) return;
    source.close();
    this.#tell('reconnecting');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), this.#retryMs * (0.75 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}

const feed = new Feed();

export function useConnection(): Connection {
  const [state, setState] = useState(feed.state);
  useEffect(() => {
    setState(feed.state);
    return feed.watch(setState);
  }, []);
  return state;
}

/** Hears of every change while it is mounted. Both functions must keep their identity. */
export function useChanges(changed: (change: Change) => void, missed: () => void): void {
  useEffect(() => feed.listen({ changed, missed }), [changed, missed]);
}
