import type { Command } from 'commander';
import { LOOK, using } from '../connection.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

async function retry(id: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<{ readonly reason?: string } & GlobalOptions>();
  await using(globals, LOOK, async (amends) => {
    await amends.get(id).retry(reason === undefined ? {} : { reason });
    await print(`${printable(id)} is tried again by the next free worker. Look: ${hintFor(globals)(`amends show ${printable(id)}`)}`);
  });
}

export function addRetry(program: Command): void {
  program
    .command('retry')
    .argument('<id>', 'id of the saga')
    .summary('try again what a saga is stuck on')
    .description('Tries again what a saga is stuck on, with all its attempts. Mend the cause first: amends show tells it.')
    .option('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends retry order-42 --reason "stock service is back"')
    .action(retry);
}
