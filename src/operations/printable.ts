/** Controls, direction marks, line separators, halves of surrogate pairs: what could move the cursor or make a text read as another one. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text from elsewhere (ids, names, errors) as it may stand on a line of a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => SHORT[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/** The same, at most `length` characters long. */
export function excerpt(text: string, length: number): string {
  const chars = Array.from(printable(text));
  return chars.length <= length ? chars.join('') : `${chars.slice(0, Math.max(0, length - 1)).join('')}…`;
}
