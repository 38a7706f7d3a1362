import type { Command } from 'commander';
import { printable } from '../../operations/printable.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import type { GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { plainTable } from '../plain-table.ts';

async function services(_options: unknown, command: Command): Promise<void> {
  const { json, ...globals } = command.optsWithGlobals<{ readonly json?: true } & GlobalOptions>();
  const [{ engineOf }, { servicesOf }] = await Promise.all([import('../../amends.ts'), import('../../operations/services.ts')]);
  process.exitCode = await using(globals, LOOK, async (amends) => {
    const { queues, unserved } = await servicesOf(engineOf(amends));
    if (json === true) {
      for (const queue of queues) await print(JSON.stringify(queue));
    } else if (queues.length === 0) await print('No saga is known here yet: start a worker, or a saga.');
    else {
      const rows = queues.map(({ name, workers, waiting, active, delayed, failed, paused }) => [
        printable(name),
        workers === null ? 'unknown' : String(workers),
        ...[waiting, active, delayed, failed].map(String),
        paused ? 'paused' : '',
      ]);
      await print(plainTable(['queue', 'workers', 'waiting', 'active', 'delayed', 'failed', ''], rows, paintFor(process.stdout)));
      for (const { saga, text } of unserved) await print(paintFor(process.stdout)('bad', `! ${printable(text)} (${printable(saga)})`));
    }
    return unserved.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

export function addServices(program: Command): void {
  program
    .command('services')
    .summary('show the queues, and who takes jobs from them')
    .description('Shows the queues that sagas need, what is in them, how many workers take jobs, and which steps nobody serves.')
    .option('--json', 'one JSON object a line, for each queue')
    .addHelpText('after', '\nExample:\n  amends services\n\nExits with 1 when a step has no worker.')
    .action(services);
}
