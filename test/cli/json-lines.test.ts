import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eachInFlight } from '../../src/cli/in-flight.ts';
import { LONGEST_LINE_BYTES, readJsonLines, readJsonLinesOf, type JsonLine } from '../../src/cli/json-lines.ts';

async function all(source: AsyncIterable<JsonLine>): Promise<JsonLine[]> {
  const lines: JsonLine[] = [];
  for await (const line of source) lines.push(line);
  return lines;
}

function chunks(...texts: readonly (string | Buffer)[]): AsyncIterable<Buffer> {
  return Readable.from(texts.map((text) => Buffer.from(text)));
}

describe('JSON lines', () => {
  test('each line with its number, whatever the line ends, empty lines passed over', async () => {
    const lines = await all(readJsonLines(chunks('\ufeff{"a":1}\r\n\r\n  \n[2]\n"last"')));
    expect(lines).toEqual([
      { line: 1, bytes: 12, value: { a: 1 } },
      { line: 4, bytes: 21, value: [2] },
      { line: 5, bytes: 27, value: 'last' },
    ]);
  });

  test('a bad line is told and the others go on', async () => {
    const lines = await all(readJsonLines(chunks('{"a":1}\n{"a":\nnot json\n', Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]), '{"b":2}\n')));
    expect(lines.map((line) => ('value' in line ? line.value : `${line.line}: ${line.problem.split(':')[0]}`))).toEqual([
      { a: 1 },
      '2: not JSON',
      '3: not JSON',
      '4: not UTF-8 text',
      { b: 2 },
    ]);
  });

  test('a line that never ends is told without being kept', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const pieces = Array.from({ length: LONGEST_LINE_BYTES / piece.length + 2 }, () => piece);
    const lines = await all(readJsonLines(chunks(...pieces, '\n{"after":true}\n')));
    expect(lines[0]).toMatchObject({ line: 1, problem: expect.stringContaining('longer than') as string });
    expect(lines[1]).toMatchObject({ line: 2, value: { after: true } });
  });

  test('where the chunks are cut makes no difference', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.jsonValue(), fc.constant('nötig ✔ 𝄞'))),
        fc.array(fc.nat(50), { minLength: 1 }),
        async (values, cuts) => {
          const bytes = Buffer.from(values.map((value) => JSON.stringify(value)).join('\n'));
          const pieces: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const end = at + 1 + cuts[i % cuts.length]!;
            pieces.push(bytes.subarray(at, end));
            at = end;
          }
          const lines = await all(readJsonLines(Readable.from(pieces)));
          expect(lines.map((line) => ('value' in line ? line.value : line.problem))).toEqual(
            values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('JSON lines of a file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amends-json-lines-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('a file that is not there, or is a folder, is named', async () => {
    await expect(all(readJsonLinesOf(join(folder, 'none')))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining("none can't be read") as string,
    });
    await expect(all(readJsonLinesOf(folder))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('a signal ends it', async () => {
    const path = join(folder, 'signal');
    await writeFile(path, '1\n'.repeat(100_000));
    const controller = new AbortController();
    let count = 0;
    for await (const { line } of readJsonLinesOf(path, controller.signal)) {
      count = line;
      if (line === 3) controller.abort();
    }
    expect(count).toBe(3);
  });

  test('a huge file flows through little memory, no faster than it is worked off', async () => {
    const path = join(folder, 'huge');
    const LINES = 400_000;
    const line = `${JSON.stringify({ text: 'x'.repeat(180) })}\n`;
    const block = Buffer.from(line.repeat(1000));
    await pipeline(
      Readable.from(
        (function* () {
          for (let i = 0; i < LINES / 1000; i++) yield block;
        })(),
      ),
      createWriteStream(path),
    );

    let inFlight = 0;
    let most = 0;
    let done = 0;
    let readAhead = 0;
    let peakBytes = 0;
    const before = process.memoryUsage().rss;
    await eachInFlight(readJsonLinesOf(path), 50, async ({ line }) => {
      most = Math.max(most, ++inFlight);
      readAhead = Math.max(readAhead, line - done);
      await (line % 7 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined);
      if (line % 10_000 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
      inFlight--;
      done++;
    });

    expect(done).toBe(LINES);
    expect(most).toBeLessThanOrEqual(50);
    expect(readAhead).toBeLessThanOrEqual(50);
    // The file is 76 MB; kept in memory as objects it would be far more.
    expect(peakBytes - before).toBeLessThan(60 * 1024 * 1024);
  });
});

describe('in flight', () => {
  test('takes no more than there is room for', async () => {
    const releases: (() => void)[] = [];
    let taken = 0;
    function* source(): Generator<number> {
      for (; taken < 10;) yield ++taken;
    }
    const working = eachInFlight(source(), 3, () => new Promise<void>((resolve) => releases.push(resolve)));
    for (let released = 0; released < 10; released++) {
      await expect.poll(() => releases.length).toBe(Math.min(10, released + 3));
      expect(taken).toBe(Math.min(10, released + 3));
      releases[released]!();
    }
    await working;
  });

  test('after an error it takes nothing more, waits for what is in flight, and throws that error', async () => {
    let taken = 0;
    let finished = false;
    let release: () => void = () => undefined;
    function* source(): Generator<number> {
      for (;;) yield ++taken;
    }
    const working = eachInFlight(source(), 5, async (n) => {
      if (n === 1) {
        await new Promise<void>((resolve) => (release = resolve));
        finished = true;
      }
      if (n === 3) throw new Error('the third');
    });
    const failure = working.then(
      () => undefined,
      (error: unknown) => error,
    );
    await expect.poll(() => taken).toBe(3);
    release();
    expect(await failure).toMatchObject({ message: 'the third' });
    expect(finished).toBe(true);
    expect(taken).toBe(3);
  });

  test('an error of the source waits for what is in flight too', async () => {
    let finished = false;
    function* source(): Generator<number> {
      yield 1;
      throw new Error('unreadable');
    }
    const working = eachInFlight(source(), 5, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      finished = true;
    });
    await expect(working).rejects.toThrow('unreadable');
    expect(finished).toBe(true);
  });
});
