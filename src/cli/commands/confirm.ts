import type { Command } from 'commander';
import { operator } from '../../producers/operator.ts';
import { printable } from '../../operations/printable.ts';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';

async function confirm(id: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ActCommandOptions & GlobalOptions>();
  const [{ engineOf }, { confirm: giveVerdict }] = await Promise.all([import('../../amends.ts'), import('../../producers/control.ts')]);
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'confirm');
    await giveVerdict(engineOf(amends), id, { by: operator(), ...controlOf(options) });
    await print(
      `${printable(id)} has its verdict: workers confirm what it holds. Look: ${hintFor(options)(`amends show ${printable(id)}`)}`,
    );
    return EXIT.ok;
  });
}

export function addConfirm(program: Command): void {
  const command = program
    .command('confirm')
    .argument('<id>', 'id of the TCC')
    .summary('give a TCC that waits for it the verdict to confirm')
    .description('Gives a TCC that holds everything and waits for its verdict the verdict to confirm. Given again it changes nothing.');
  addActOptions(command).addHelpText('after', '\nExample:\n  amends confirm cart-42 --reason "the customer has paid"').action(confirm);
}
