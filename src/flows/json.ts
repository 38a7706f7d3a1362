import { createHash } from 'node:crypto';
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

function refuse(path: string, problem: string): never {
  throw new AmendsError('PAYLOAD_NOT_JSON', `${path} ${problem}`, { details: { path } });
}

/** A literal, of this realm or of another one (test runners and `node:vm` have their own `Object`). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function describe(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'object of a class';
}

/**
 * Serialises `value` and refuses what JSON would change silently: the types promise that what comes back is what went in.
 * `undefined` in an object is left out, as in JSON.
 *
 * @throws {AmendsError} PAYLOAD_NOT_JSON (Date, Map, BigInt, NaN, a cycle, a hole in a list, …), PAYLOAD_TOO_LARGE
 */
export function toJson(value: unknown, what: string, limits: PayloadLimits = DEFAULT_PAYLOAD_LIMITS): string {
  const open = new Set<object>();
  // Every value takes a byte at least: more of them can't fit, and an object that is met again and again would keep this busy for ever.
  let left = limits.maxBytes;
  const check = (node: unknown, path: string, depth: number): void => {
    if (node !== undefined && --left < 0) {
      throw new AmendsError('PAYLOAD_TOO_LARGE', `${what} is over the limit of ${limits.maxBytes} bytes: ${SMALLER}`, {
        details: { maxBytes: limits.maxBytes },
      });
    }
    switch (typeof node) {
      case 'string':
      case 'boolean':
      case 'undefined':
        return;
      case 'number':
        if (!Number.isFinite(node)) refuse(path, `is ${node}, which JSON can't carry: send a string or null instead`);
        return;
      case 'bigint':
        return refuse(path, "is a BigInt, which JSON can't carry: send it as a string");
      case 'object':
        break;
      default:
        return refuse(path, `is a ${typeof node}, which can't be stored: leave it out`);
    }
    if (node === null) return;
    if (depth >= limits.maxDepth) {
      throw new AmendsError('PAYLOAD_TOO_LARGE', `${what} is nested deeper than ${limits.maxDepth} levels: flatten it`, {
        details: { maxDepth: limits.maxDepth },
      });
    }
    if (open.has(node)) refuse(path, 'contains itself: store an id instead of the object');
    open.add(node);
    if (!Array.isArray(node) && !isPlain(node)) {
      const advice = node instanceof Date ? 'use date.toISOString()' : 'use plain objects, arrays, strings and numbers';
      refuse(path, `is a ${describe(node)}, which would come back as something else: ${advice}`);
    }
    if (typeof (node as { toJSON?: unknown }).toJSON === 'function') refuse(path, 'has a toJSON method: pass plain data');
    if (Array.isArray(node)) {
      for (let i = 0; i < node.length; i++) {
        if (node[i] === undefined) refuse(`${path}[${i}]`, 'is undefined, which a list would give back as null: use null, or leave it out');
        check(node[i], `${path}[${i}]`, depth + 1);
      }
    } else {
      for (const [key, child] of Object.entries(node)) check(child, `${path}.${key}`, depth + 1);
    }
    open.delete(node);
  };
  check(value, what, 0);
  const text = value === undefined ? 'null' : JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.maxBytes) {
    throw new AmendsError('PAYLOAD_TOO_LARGE', `${what} is ${bytes} bytes, over the limit of ${limits.maxBytes}: ${SMALLER}`, {
      details: { bytes, maxBytes: limits.maxBytes },
    });
  }
  return text;
}

/** JSON with sorted keys, so that equal values give equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, node: unknown) =>
    node !== null && typeof node === 'object' && !Array.isArray(node)
      ? Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)))
      : node,
  );
}

/** A short stable hash of a JSON value, whatever the order of its keys: 32 hexadecimal digits of SHA-256. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(canonical(value) ?? 'undefined')
    .digest('hex')
    .slice(0, 32);
}
