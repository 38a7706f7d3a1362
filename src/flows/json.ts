import { hash } from 'node:crypto';
import { AmendsError } from '../errors.ts';

/** What can be stored: plain JSON data. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** Payload limits, checked before anything is stored. */
export interface PayloadLimits {
  /** Largest serialised size in bytes. */
  readonly maxBytes: number;
  /** Deepest nesting of objects and arrays. */
  readonly maxDepth: number;
}

export const DEFAULT_PAYLOAD_LIMITS: PayloadLimits = { maxBytes: 1024 * 1024, maxDepth: 64 };

const SMALLER = 'store it elsewhere and pass a reference, or raise maxPayloadBytes';

/** A literal, of this realm or of another one (test runners and `node:vm` have their own `Object`). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function describe(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'object of a class';
}

/** A property that is set as data, whatever its name. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** Copies a value and checks each part of it on the way: what is stored is what was checked. */
class CheckedCopy {
  readonly #what: string;
  readonly #limits: PayloadLimits;
  /** Where it is, and through which objects it came there. */
  readonly #place: (string | number)[] = [];
  readonly #open: object[] = [];
  /** Every value takes a byte at least: more of them can't fit, and an object that is met again and again would keep this busy for ever. */
  #left: number;
  /** At most so many bytes the text has. */
  mostBytes = 0;

  constructor(what: string, limits: PayloadLimits) {
    this.#what = what;
    this.#limits = limits;
    this.#left = limits.maxBytes;
  }

  of(node: unknown): unknown {
    if (node !== undefined && --this.#left < 0) {
      throw new AmendsError('PAYLOAD_TOO_LARGE', `${this.#what} is over the limit of ${this.#limits.maxBytes} bytes: ${SMALLER}`, {
        details: { maxBytes: this.#limits.maxBytes },
      });
    }
    switch (typeof node) {
      case 'string':
        this.mostBytes += 6 * node.length + 3; // a character that is escaped takes six
        return node;
      case 'boolean':
      case 'undefined':
        this.mostBytes += 6;
        return node;
      case 'number':
        if (!Number.isFinite(node)) this.#refuse(`is ${node}, which JSON can't carry: send a string or null instead`);
        this.mostBytes += 26;
        return node === 0 ? 0 : node; // JSON has no negative zero
      case 'bigint':
        return this.#refuse("is a BigInt, which JSON can't carry: send it as a string");
      case 'object':
        this.mostBytes += 5;
        return node === null ? null : this.#object(node);
      default:
        return this.#refuse(`is a ${typeof node}, which can't be stored: leave it out`);
    }
  }

  #object(node: object): unknown {
    const { maxDepth } = this.#limits;
    if (this.#open.length >= maxDepth) {
      throw new AmendsError('PAYLOAD_TOO_LARGE', `${this.#what} is nested deeper than ${maxDepth} levels: flatten it`, {
        details: { maxDepth },
      });
    }
    if (this.#open.includes(node)) this.#refuse('contains itself: store an id instead of the object');
    if (!Array.isArray(node) && !isPlain(node)) {
      const advice = node instanceof Date ? 'use date.toISOString()' : 'use plain objects, arrays, strings and numbers';
      this.#refuse(`is a ${describe(node)}, which would come back as something else: ${advice}`);
    }
    if (typeof (node as { toJSON?: unknown }).toJSON === 'function') this.#refuse('has a toJSON method: pass plain data');
    this.#open.push(node);
    const copy = Array.isArray(node) ? this.#list(node) : this.#record(node as Readonly<Record<string, unknown>>);
    this.#open.pop();
    return copy;
  }

  #list(node: readonly unknown[]): unknown[] {
    const copy: unknown[] = [];
    for (let i = 0; i < node.length; i++) {
      this.#place.push(i);
      const item = node[i];
      if (item === undefined) this.#refuse('is undefined, which a list would give back as null: use null, or leave it out');
      copy.push(this.of(item));
      this.#place.pop();
    }
    return copy;
  }

  #record(node: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(node)) {
      this.#place.push(key);
      const value = this.of(node[key]);
      if (value !== undefined) {
        this.mostBytes += 6 * key.length + 4;
        put(copy, key, value);
      }
      this.#place.pop();
    }
    return copy;
  }

  #refuse(problem: string): never {
    const path = this.#what + this.#place.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
    throw new AmendsError('PAYLOAD_NOT_JSON', `${path} ${problem}`, { details: { path } });
  }
}

function checkSize(text: string, what: string, { maxBytes }: PayloadLimits): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return;
  throw new AmendsError('PAYLOAD_TOO_LARGE', `${what} is ${bytes} bytes, over the limit of ${maxBytes}: ${SMALLER}`, {
    details: { bytes, maxBytes },
  });
}

/**
 * Serialises `value` and refuses what JSON would change silently: the types promise that what comes back is what went in.
 * `undefined` in an object is left out, as in JSON.
 *
 * @throws {AmendsError} PAYLOAD_NOT_JSON (Date, Map, BigInt, NaN, a cycle, a hole in a list, …), PAYLOAD_TOO_LARGE
 */
export function toJson(value: unknown, what: string, limits: PayloadLimits = DEFAULT_PAYLOAD_LIMITS): string {
  const checked = new CheckedCopy(what, limits);
  const text = JSON.stringify(checked.of(value) ?? null);
  if (checked.mostBytes > limits.maxBytes) checkSize(text, what, limits);
  return text;
}

/** What {@link toJson} would give back: a copy of `value`, as plain data. Serialised only where its size is in doubt. */
export function asJson(value: unknown, what: string, limits: PayloadLimits = DEFAULT_PAYLOAD_LIMITS): Json {
  const checked = new CheckedCopy(what, limits);
  const copy = (checked.of(value) ?? null) as Json;
  if (checked.mostBytes > limits.maxBytes) checkSize(JSON.stringify(copy), what, limits);
  return copy;
}

/** A copy of plain data. For small values it takes a tenth of what `structuredClone` does. */
export function copyOf<T extends Json | undefined>(json: T): T;
export function copyOf(json: Json | undefined): Json | undefined {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item: Json) => copyOf(item));
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(json)) put(copy, key, copyOf((json as Readonly<Record<string, Json>>)[key]));
  return copy as Json;
}

/** JSON with sorted keys, so that equal values give equal text. `undefined`: JSON leaves it out, or it has to be made plain first. */
function canonicalOf(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null) return JSON.stringify(node);
  if (Array.isArray(node)) return `[${node.map((item) => canonicalOf(item) ?? 'null').join(',')}]`;
  const parts: string[] = [];
  for (const key of Object.keys(node).sort()) {
    const text = canonicalOf((node as Readonly<Record<string, unknown>>)[key]);
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${parts.join(',')}}`;
}

function isPlainData(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return true;
  if (typeof (node as { toJSON?: unknown }).toJSON === 'function') return false;
  if (Array.isArray(node)) return node.every(isPlainData);
  return isPlain(node) && Object.values(node).every(isPlainData);
}

function canonical(value: unknown): string | undefined {
  if (isPlainData(value)) return canonicalOf(value);
  const text = JSON.stringify(value) as string | undefined; // dates and the like speak for themselves
  return text === undefined ? undefined : canonicalOf(JSON.parse(text));
}

/** A short stable hash of a JSON value, whatever the order of its keys: 32 hexadecimal digits of SHA-256. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonical(value) ?? 'undefined', 'hex').slice(0, 32);
}
