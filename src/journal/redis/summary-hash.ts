import { AmendsError } from '../../errors.ts';
import type { Status } from '../../machine/state.ts';
import type { TransactionSummary } from '../journal.ts';

const TAG = 'tag:';

/** The field a tag has in the summary's hash, and the beginning of its index's key: `=` ends it there. */
export function tagField(name: string): string {
  return TAG + name.replace(/[%=]/g, encodeURIComponent);
}

/**
 * Fields and values of the tags in turn.
 *
 * @throws {AmendsError} PAYLOAD_NOT_JSON for text that has no UTF-8 and would come back changed
 */
export function tagArguments(tags: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(tags).flatMap(([name, value]) => {
    if (!/\p{Surrogate}/u.test(`${name} ${value}`)) return [tagField(name), value];
    throw new AmendsError('PAYLOAD_NOT_JSON', `tag ${JSON.stringify(name)} contains half of a surrogate pair: tags are plain text`);
  });
}

/** A summary from the fields and values of its hash in turn; `undefined` when there is no such transaction. */
export function summaryFrom(id: string, hash: readonly string[]): TransactionSummary | undefined {
  if (hash.length === 0) return undefined;
  const fields = new Map<string, string>();
  const tags: [string, string][] = [];
  for (let i = 0; i + 1 < hash.length; i += 2) {
    const field = hash[i]!;
    if (field.startsWith(TAG)) tags.push([decodeURIComponent(field.slice(TAG.length)), hash[i + 1]!]);
    else fields.set(field, hash[i + 1]!);
  }
  const ended = fields.get('ended');
  return {
    id,
    saga: fields.get('saga') ?? '',
    definitionVersion: Number(fields.get('definition')),
    status: fields.get('status') as Status,
    version: Number(fields.get('version')),
    tags: Object.fromEntries(tags),
    error: fields.get('error'),
    startedAtMs: Number(fields.get('started')),
    updatedAtMs: Number(fields.get('updated')),
    endedAtMs: ended === undefined ? undefined : Number(ended),
  };
}
