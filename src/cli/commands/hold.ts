import type { Command } from 'commander';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

async function pause(id: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ActCommandOptions & GlobalOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'pause');
    const held = await amends.get(id).pause(controlOf(options));
    const next = hintFor(options)(`amends resume ${printable(id)}`);
    await print(held ? `${printable(id)} is paused. To let it go on: ${next}` : `${printable(id)} was paused or had ended before.`);
    return EXIT.ok;
  });
}

async function resume(id: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ActCommandOptions & GlobalOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'resume');
    const released = await amends.get(id).resume(controlOf(options));
    await print(released ? `${printable(id)} goes on.` : `${printable(id)} was not paused.`);
    return EXIT.ok;
  });
}

export function addHold(program: Command): void {
  addActOptions(
    program
      .command('pause')
      .argument('<id>', 'id of the saga')
      .summary('hold a saga: what is in work settles, nothing new begins')
      .description(
        'Holds a saga: what is in work settles, nothing new begins and no deadline strikes until it is resumed, cancelled or terminated.',
      ),
  )
    .addHelpText('after', '\nExample:\n  amends pause order-42 --reason "stock-taking"')
    .action(pause);
  addActOptions(
    program
      .command('resume')
      .argument('<id>', 'id of the saga')
      .summary('let a paused saga go on')
      .description('Lets a paused saga go on.'),
  )
    .addHelpText('after', '\nExample:\n  amends resume order-42')
    .action(resume);
}
