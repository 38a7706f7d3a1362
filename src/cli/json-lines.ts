import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { AmendsError } from '../errors.ts';
import { printable } from '../operations/printable.ts';

/** A line that is not empty: its value, or what is wrong with it. */
export type JsonLine = {
  /** From 1. */
  readonly line: number;
  /** Bytes read up to its end. */
  readonly bytes: number;
} & ({ readonly value: unknown } | { readonly problem: string });

/** Longer than any payload may be: a file without line ends must not fill the memory. */
export const LONGEST_LINE_BYTES = 8 * 1024 * 1024;

const NEWLINE = 0x0a;

function parseLine(raw: Buffer): { readonly value: unknown } | { readonly problem: string } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(raw); // drops a byte order mark
  } catch {
    return { problem: 'not UTF-8 text' };
  }
  if (text.trim() === '') return undefined;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { problem: `not JSON: ${printable((error as Error).message)}` };
  }
}

/** Reads JSON lines as they are asked for, and no faster. A bad line is told, and does not end the reading. Empty lines are passed over. */
export async function* readJsonLines(source: AsyncIterable<Buffer>): AsyncGenerator<JsonLine, void, undefined> {
  let line = 0;
  let bytes = 0;
  let open: Buffer[] = []; // the pieces of a line whose end has not come yet
  let openBytes = 0;
  const finish = (): JsonLine | undefined => {
    line++;
    const parsed =
      openBytes > LONGEST_LINE_BYTES
        ? { problem: `longer than ${LONGEST_LINE_BYTES} bytes: is it one object a line?` }
        : parseLine(open.length === 1 ? open[0]! : Buffer.concat(open));
    open = [];
    openBytes = 0;
    return parsed === undefined ? undefined : { line, bytes, ...parsed };
  };
  const take = (piece: Buffer): void => {
    openBytes += piece.length;
    bytes += piece.length;
    if (openBytes > LONGEST_LINE_BYTES) open = [];
    else open.push(piece);
  };

  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, end));
      bytes++;
      from = end + 1;
      const found = finish();
      if (found !== undefined) yield found;
    }
    take(chunk.subarray(from));
  }
  if (openBytes === 0) return;
  const last = finish();
  if (last !== undefined) yield last;
}

function unreadable(path: string, why: string, cause?: unknown): AmendsError {
  return new AmendsError('INVALID_OPTION', `${printable(path)} can't be read: ${printable(why)}`, { cause });
}

/**
 * Says early what reading would say late.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export async function checkReadable(path: string): Promise<void> {
  if (path === '-') return;
  try {
    await access(path, constants.R_OK);
    if (!(await stat(path)).isDirectory()) return;
  } catch (error) {
    throw unreadable(path, (error as Error).message, error);
  }
  throw unreadable(path, 'it is a folder');
}

/**
 * The lines of a file, or of standard input for `-`; until `signal` fires, also while it waits for input.
 *
 * @throws {AmendsError} INVALID_OPTION when it can't be read
 */
export async function* readJsonLinesOf(path: string, signal?: AbortSignal): AsyncGenerator<JsonLine, void, undefined> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path);
  const stop = (): void => void source.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of readJsonLines(source)) {
      if (signal?.aborted === true) return;
      yield line;
    }
  } catch (error) {
    if (signal?.aborted === true) return; // the stream was cut off by us
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw unreadable(path, message, error);
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
