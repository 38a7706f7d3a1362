import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

const WINDOW_MS = 60_000;
const MOST_FAILURES = 20;

/** Whoever has an IPv6 address has some 2^64 of them: they are one. */
function counted(address: string): string {
  const [, v4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (v4 !== undefined) return v4;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? 0 : tail.split(':').length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - behind);
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? '').split(':')]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

/**
 * Counts wrong credentials by address, so that guessing takes for ever. Right ones forgive none: whoever has some could else guess another's between
 * them.
 */
export class FailedLogins {
  readonly #failures = new LRUCache<string, number>({ max: 10_000, ttl: WINDOW_MS, noUpdateTTL: true });

  /** Seconds until this address may try again; 0: it may. */
  waitSeconds(address: string): number {
    if ((this.#failures.get(counted(address)) ?? 0) < MOST_FAILURES) return 0;
    return Math.ceil(this.#failures.getRemainingTTL(counted(address)) / 1000);
  }

  failed(address: string): void {
    const key = counted(address);
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
  }
}
