import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { Json } from '../flows/json.ts';

/** What a field holds that was encrypted under a key which is gone. */
export const FORGOTTEN = '[forgotten]';
export type Forgotten = typeof FORGOTTEN;

/** The fields of an event that are about a person. */
export interface PersonalFields {
  /** The field that names the person; without, it is the aggregate. */
  readonly subject?: string;
  readonly fields: readonly string[];
}

/** The entry of an event's metadata that says what is encrypted, and under which key. */
export const PERSONAL = '$personal';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

export type JsonObject = Readonly<Record<string, Json | undefined>>;

function derived(key: Buffer, purpose: string): Buffer {
  return createHmac('sha256', key).update(purpose).digest();
}

/**
 * Encrypts a value. The nonce follows from the value and its place, so that an event that is appended again is the same event; two different
 * values never share one.
 */
function encrypt(key: Buffer, place: string, text: string): string {
  const nonce = createHmac('sha256', derived(key, 'nonce')).update(`${place}\0${text}`).digest().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, derived(key, 'data'), nonce).setAAD(Buffer.from(place));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, data, cipher.getAuthTag()]).toString('base64');
}

/** `undefined`: this is not what the key has encrypted there. */
function decrypt(key: Buffer, place: string, stored: string): string | undefined {
  const bytes = Buffer.from(stored, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, derived(key, 'data'), bytes.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(place))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

const placeOf = (eventId: string, field: string): string => `${eventId}\0${field}`;

/** The data with these fields encrypted, and the names of those that were there. */
export function encryptFields(
  data: JsonObject,
  fields: readonly string[],
  eventId: string,
  key: Buffer,
): { readonly data: JsonObject; readonly fields: readonly string[] } {
  const present = fields.filter((field) => Object.hasOwn(data, field) && data[field] !== undefined);
  const hidden = present.map((field) => [field, encrypt(key, placeOf(eventId, field), JSON.stringify(data[field]))] as const);
  return { data: { ...data, ...Object.fromEntries(hidden) }, fields: present };
}

/** The data with these fields as they were, or, without the key, with a placeholder in each of them. */
export function decryptFields(
  data: JsonObject,
  fields: readonly string[],
  eventId: string,
  key: Buffer | undefined,
): { readonly data: JsonObject; readonly forgotten: readonly string[] } {
  const forgotten: string[] = [];
  const shown = fields.map((field): readonly [string, Json] => {
    const stored = data[field];
    const text = key === undefined || typeof stored !== 'string' ? undefined : decrypt(key, placeOf(eventId, field), stored);
    if (text === undefined) forgotten.push(field);
    return [field, text === undefined ? FORGOTTEN : (JSON.parse(text) as Json)];
  });
  return { data: { ...data, ...Object.fromEntries(shown) }, forgotten };
}

/** What the metadata of an event says about its personal fields. */
export function personalOf(
  metadata: Readonly<Record<string, Json | undefined>>,
): { readonly key: string; readonly fields: readonly string[] } | undefined {
  const found = metadata[PERSONAL];
  if (found === null || typeof found !== 'object' || Array.isArray(found)) return undefined;
  const { key, fields } = found as { readonly key?: unknown; readonly fields?: unknown };
  if (typeof key !== 'string' || !Array.isArray(fields)) return undefined;
  return { key, fields: fields.filter((field): field is string => typeof field === 'string') };
}
