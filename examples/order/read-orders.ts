import { open } from 'node:fs/promises';
import { AmendsError } from 'amends';

/** A line of the file, parsed as JSON and not yet checked by any schema. */
export interface OrderLine {
  /** From 1. */
  readonly line: number;
  readonly order: unknown;
}

/** No order is this long; a file without line ends must not fill the memory. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Reads a file with one JSON object a line, as it is consumed. Empty lines are skipped.
 *
 * @throws {AmendsError} INVALID_INPUT naming file and line; INVALID_OPTION for a file that can't be read
 */
export async function* readOrders(path: string): AsyncGenerator<OrderLine, void, undefined> {
  const refuse = (line: number, problem: string, cause?: unknown): never => {
    throw new AmendsError('INVALID_INPUT', `${path} line ${line}: ${problem}`, { cause, details: { path, line } });
  };
  const parse = (line: number, text: string): OrderLine | undefined => {
    const json = (line === 1 ? text.replace(/^\uFEFF/, '') : text).trim();
    if (json === '') return undefined;
    let order: unknown;
    try {
      order = JSON.parse(json);
    } catch (error) {
      refuse(line, `not JSON: ${(error as Error).message}`, error);
    }
    if (order === null || typeof order !== 'object' || Array.isArray(order)) refuse(line, 'not an order: each line is one JSON object');
    return { line, order };
  };

  let line = 0;
  let rest = '';
  try {
    await using file = await open(path);
    for await (const chunk of file.createReadStream({ encoding: 'utf8', autoClose: false })) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) refuse(line + lines.length + 1, `longer than ${LONGEST_LINE} characters: is it one order a line?`);
      for (const text of lines) {
        const parsed = parse(++line, text);
        if (parsed !== undefined) yield parsed;
      }
    }
    const last = parse(++line, rest);
    if (last !== undefined) yield last;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof AmendsError || code === undefined) throw error;
    throw new AmendsError('INVALID_OPTION', `${path} can't be read: ${message}`, { cause: error });
  }
}
