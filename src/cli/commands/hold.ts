import type { Command } from 'commander';
import { LOOK, using } from '../connection.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

async function pause(id: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<{ readonly reason?: string } & GlobalOptions>();
  await using(globals, LOOK, async (amends) => {
    const held = await amends.get(id).pause(reason === undefined ? {} : { reason });
    const next = hintFor(globals)(`amends resume ${printable(id)}`);
    await print(held ? `${printable(id)} is paused. To let it go on: ${next}` : `${printable(id)} was paused or had ended before.`);
  });
}

async function resume(id: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<{ readonly reason?: string } & GlobalOptions>();
  await using(globals, LOOK, async (amends) => {
    const released = await amends.get(id).resume(reason === undefined ? {} : { reason });
    await print(released ? `${printable(id)} goes on.` : `${printable(id)} was not paused.`);
  });
}

export function addHold(program: Command): void {
  program
    .command('pause')
    .argument('<id>', 'id of the saga')
    .summary('hold a saga: what is in work settles, nothing new begins')
    .description(
      'Holds a saga: what is in work settles, nothing new begins and no deadline strikes until it is resumed, cancelled or terminated.',
    )
    .option('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends pause order-42 --reason "stock-taking"')
    .action(pause);
  program
    .command('resume')
    .argument('<id>', 'id of the saga')
    .summary('let a paused saga go on')
    .description('Lets a paused saga go on.')
    .option('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends resume order-42')
    .action(resume);
}
