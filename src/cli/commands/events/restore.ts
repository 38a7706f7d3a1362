import type { Command } from 'commander';
import { AmendsError } from '../../../errors.ts';
import { using } from '../../connection.ts';
import { checkReadable, readJsonLinesOf } from '../../json-lines.ts';
import type { GlobalOptions } from '../../options.ts';
import { print } from '../../output.ts';

async function* valuesOf(path: string): AsyncGenerator<unknown, void, undefined> {
  for await (const line of readJsonLinesOf(path)) {
    if ('problem' in line) throw new AmendsError('INVALID_INPUT', `line ${line.line}: ${line.problem}`);
    yield line.value;
  }
}

async function restore(file: string, _options: unknown, command: Command): Promise<void> {
  const { migrate, ...globals } = command.optsWithGlobals<{ readonly migrate: boolean } & GlobalOptions>();
  await checkReadable(file);
  await using(globals, { logLevel: 'error', migrate }, async ({ events }) => {
    const restored = await events.restore(valuesOf(file));
    await print(`${restored.events} events and ${restored.subscriptions} subscriptions restored.`);
  });
}

export function addRestore(events: Command): void {
  events
    .command('restore')
    .argument('<file>', 'what amends events dump wrote; - reads standard input')
    .summary('store the events of a dump in a new store')
    .description(
      'Stores the events of a dump, with the versions, ids, positions and times they had, in a store or a namespace that has no events yet. Subscriptions go on where they were. If it fails in the middle, begin again in another namespace.',
    )
    .option('--no-migrate', 'leave the tables on PostgreSQL to amends migrate')
    .addHelpText(
      'after',
      '\nExamples:\n  amends events restore events.jsonl --namespace restored\n  zcat events.jsonl.gz | amends events restore -',
    )
    .action(restore);
}
