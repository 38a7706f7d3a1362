import { setTimeout as delay } from 'node:timers/promises';

/** What a store has to wait by. */
export interface PulseSource {
  /** The newest position there may be; Infinity while events wait for theirs. */
  peek(): Promise<number>;
  /** Sleeps until the store tells of events, or for a while. `looks`: how many looks in a row found nothing. */
  doze(looks: number, signal: AbortSignal): Promise<void>;
}

interface Waiter {
  readonly after: number;
  readonly wake: () => void;
}

const AFTER_ERROR_MS = 500;
/** Under load those who wait are woken this often, and find so much the more: each look costs the store as much as an append. */
const LEAST_PAUSE_MS = 10;

/** All who wait in this process for events look at the store together. */
export class LogPulse {
  readonly #source: PulseSource;
  readonly #waiters = new Set<Waiter>();
  readonly #closed = new AbortController();
  #beating: Promise<void> | undefined;
  #wokenAtMs = -Infinity;

  constructor(source: PulseSource) {
    this.#source = source;
  }

  async wait(after: number, { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void> {
    if (signal.aborted || this.#closed.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#waiters.delete(waiter);
        resolve();
      };
      const waiter = { after, wake };
      const timer = setTimeout(wake, timeoutMs);
      signal.addEventListener('abort', wake, { once: true });
      this.#waiters.add(waiter);
      this.#beating ??= this.#beat();
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const { wake } of this.#waiters) wake();
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const { signal } = this.#closed;
    let looks = 0;
    while (this.#waiters.size > 0 && !signal.aborted) {
      try {
        const pauseMs = this.#wokenAtMs + LEAST_PAUSE_MS - performance.now();
        if (pauseMs > 0) await delay(pauseMs, undefined, { signal });
        if (this.#wakeBefore(await this.#source.peek())) looks = 0;
        else await this.#source.doze(looks++, signal);
      } catch {
        if (signal.aborted) break;
        // Whoever reads meets the same trouble, and reports it.
        await delay(AFTER_ERROR_MS, undefined, { signal, ref: false }).catch(() => undefined);
        this.#wakeBefore(Infinity);
      }
    }
    this.#beating = undefined;
  }

  #wakeBefore(position: number): boolean {
    const due = [...this.#waiters].filter(({ after }) => after < position);
    for (const { wake } of due) wake();
    if (due.length > 0) this.#wokenAtMs = performance.now();
    return due.length > 0;
  }
}
