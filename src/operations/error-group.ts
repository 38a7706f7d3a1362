import type { ErrorData } from '../machine/state.ts';

/** In quotes; an apostrophe within a word is none. */
const QUOTED = /"[^"]*"|`[^`]*`|“[^”]*”|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])/gu;
/** A number, or a word with one in it: an id, a time, an address. */
const NUMBERED = /[\p{L}\p{N}_.:/@#-]*\p{N}[\p{L}\p{N}_.:/@#-]*/gu;
const LONGEST_TEXT = 4_000;
const LONGEST = 200;

/**
 * What errors of one cause have in common: the code or name, and the text without what differs from one transaction to the next (numbers,
 * ids, what is quoted).
 *
 * @example errorGroupOf({ name: 'Error', message: 'no stock for "tea" in order-42' }) // 'Error: no stock for … in …'
 */
export function errorGroupOf({ name, code, message }: Pick<ErrorData, 'name' | 'code' | 'message'>): string {
  const text = message.slice(0, LONGEST_TEXT).replace(QUOTED, '…').replace(NUMBERED, '…').replace(/\s+/g, ' ').trim();
  const group = `${code ?? name}: ${text}`;
  return group.length <= LONGEST ? group : `${group.slice(0, LONGEST - 1)}…`;
}
