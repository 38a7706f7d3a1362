import { randomBytes } from 'node:crypto';
import type { CallersTransaction } from './event-store.ts';

/** The key of a person whose data is in events. */
export interface SubjectKey {
  readonly keyId: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** Keys under which data about people is encrypted. Nothing of them is cached: once forgotten means forgotten for every process at once. */
export interface SubjectKeys {
  /** The keys of these people; one is made for who has none. */
  obtain(subjects: readonly string[], tx?: CallersTransaction): Promise<ReadonlyMap<string, SubjectKey>>;
  /** Those keys that (still) exist, by their ids. */
  find(keyIds: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Destroys a person's key. `false`: there was none. */
  forget(subject: string): Promise<boolean>;
  /** All of them, for a dump. */
  all(): AsyncIterable<SubjectKey & { readonly subject: string }>;
  /** Takes a key from a dump. */
  put(subject: string, key: SubjectKey): Promise<void>;
}

export function newSubjectKey(): SubjectKey {
  return { keyId: randomBytes(12).toString('base64url'), key: randomBytes(32) };
}
