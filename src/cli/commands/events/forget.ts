import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { LOOK, using } from '../../connection.ts';
import type { GlobalOptions } from '../../options.ts';
import { print } from '../../output.ts';
import { printable } from '../../../operations/printable.ts';

async function forget(person: string, _options: unknown, command: Command): Promise<void> {
  await using(command.optsWithGlobals<GlobalOptions>(), LOOK, async ({ events }) => {
    const known = await events.forget(person);
    await print(known ? `The data of ${printable(person)} can't be read any more.` : `There is no data of ${printable(person)}.`);
    process.exitCode = known ? EXIT.ok : EXIT.failed;
  });
}

export function addForget(events: Command): void {
  events
    .command('forget')
    .argument('<person>', 'what the personal fields name the person by')
    .summary('destroy the key of the data about a person')
    .description(
      'Destroys the key under which the data about a person is encrypted, in all streams: it reads as [forgotten] from now on. Read models, and backups with the key, are not reached. Exits with 1 when there is no such person.',
    )
    .addHelpText('after', '\nExample:\n  amends events forget customer-7')
    .action(forget);
}
