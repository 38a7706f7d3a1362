import type { Command } from 'commander';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

async function retry(id: string, _options: unknown, command: Command): Promise<void> {
  const { step, ...options } = command.optsWithGlobals<{ readonly step?: string } & ActCommandOptions & GlobalOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'retry', { step });
    await amends.get(id).retry({ ...controlOf(options), ...(step === undefined ? {} : { step }) });
    await print(`${printable(id)} is tried again by the next free worker. Look: ${hintFor(options)(`amends show ${printable(id)}`)}`);
    return EXIT.ok;
  });
}

export function addRetry(program: Command): void {
  const command = program
    .command('retry')
    .argument('<id>', 'id of the saga')
    .summary('try again what a saga is stuck on')
    .description('Tries again what a saga is stuck on, with all its attempts. Mend the cause first: amends show tells it.')
    .option('--step <name>', 'only this step; default: all that it is stuck on');
  addActOptions(command).addHelpText('after', '\nExample:\n  amends retry order-42 --reason "stock service is back"').action(retry);
}
