import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import type { Amends } from '../../../amends.ts';
import { AmendsError } from '../../../errors.ts';
import { LOOK, using } from '../../connection.ts';
import type { GlobalOptions } from '../../options.ts';
import { print, tell } from '../../output.ts';
import { printable } from '../../../operations/printable.ts';

interface DumpCommandOptions {
  readonly output?: string;
  readonly keys?: true;
}

/** Writes beside the file, which is there only when it is whole. */
async function writeTo(path: string, lines: AsyncIterable<unknown>): Promise<number> {
  const draft = `${path}.partial`;
  const file = createWriteStream(draft);
  const closed = finished(file);
  closed.catch(() => undefined); // heard below, or by the write
  let count = 0;
  try {
    for await (const line of lines) {
      count++;
      if (!file.write(`${JSON.stringify(line)}\n`)) await Promise.race([once(file, 'drain'), closed]);
    }
    file.end();
    await closed;
    await rename(draft, path);
    return count;
  } catch (error) {
    file.destroy();
    await rm(draft, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof AmendsError) throw error;
    throw new AmendsError('INVALID_OPTION', `${printable(path)} can't be written: ${printable(message)}`, { cause: error });
  }
}

async function dump(_options: unknown, command: Command): Promise<void> {
  const { output, keys, ...globals } = command.optsWithGlobals<DumpCommandOptions & GlobalOptions>();
  await using(globals, LOOK, async ({ events }: Amends) => {
    const lines = events.dump({ keys: keys === true });
    if (output !== undefined) {
      const count = await writeTo(output, lines);
      await tell(`amends: ${count} lines in ${printable(output)}`);
      return;
    }
    for await (const line of lines) await print(JSON.stringify(line));
  });
}

export function addDump(events: Command): void {
  events
    .command('dump')
    .summary('write all events to a file')
    .description(
      'Writes all events as JSON lines, with their versions, ids, positions and times, what became of their streams, and where the subscriptions stand. The journal of the sagas is left out: it goes with its queues, by a backup of the whole store.',
    )
    .option('--output <file>', 'write to this file, which appears when it is whole; default: standard output')
    .option('--keys', 'also the keys of data about people, so that it can be read where it is restored: guard the file accordingly')
    .addHelpText('after', '\nExamples:\n  amends events dump --output events.jsonl\n  amends events dump | gzip > events.jsonl.gz')
    .action(dump);
}
