import type { Command } from 'commander';
import { AmendsError } from '../../errors.ts';
import { timestamp } from '../../operations/duration.ts';
import { printable } from '../../operations/printable.ts';
import { operator } from '../../producers/operator.ts';
import { LOOK, using } from '../connection.ts';
import { wholeNumber, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { plainTable } from '../plain-table.ts';

async function list(_options: unknown, command: Command): Promise<void> {
  const { limit, json, ...globals } = command.optsWithGlobals<{ readonly limit: number; readonly json?: true } & GlobalOptions>();
  const [{ engineOf }, { BulkActs }] = await Promise.all([import('../../amends.ts'), import('../../operations/bulk.ts')]);
  await using(globals, LOOK, async (amends) => {
    const found = await new BulkActs(engineOf(amends)).list(limit);
    if (json === true) {
      for (const row of found) await print(JSON.stringify(row));
      return;
    }
    if (found.length === 0) return print('There was no bulk act yet.');
    const rows = found.map(({ id, action, state, startedAtMs, total, done, failed, remaining, by, reason }) => [
      id,
      action.replace('_', '-'),
      state,
      timestamp(startedAtMs),
      `${done} of ${total}`,
      String(failed),
      String(remaining),
      printable(by),
      printable(reason),
    ]);
    const head = ['id', 'action', 'state', 'started', 'done', 'failed', 'left', 'by', 'reason'];
    await print(plainTable(head, rows, paintFor(process.stdout)));
  });
}

async function stop(id: string, _options: unknown, command: Command): Promise<void> {
  const { reason = null, ...globals } = command.optsWithGlobals<{ readonly reason?: string } & GlobalOptions>();
  const [{ engineOf }, { BulkActs }] = await Promise.all([import('../../amends.ts'), import('../../operations/bulk.ts')]);
  await using(globals, LOOK, async (amends) => {
    const acts = new BulkActs(engineOf(amends));
    const before = await acts.find(id);
    if (before === undefined) throw new AmendsError('INVALID_OPTION', `there is no bulk act ${printable(id)}: amends bulk list shows them`);
    if (before.state !== 'running') return print(`${printable(id)} is ${before.state} already.`);
    await acts.stop(id, { by: operator(), reason });
    await print(`${printable(id)} is told to stop: what is in work ends, the rest is not begun.`);
  });
}

/** What there is to do with bulk acts that were begun. */
export function addBulks(bulk: Command): void {
  bulk
    .command('list')
    .summary('show the bulk acts, the newest first')
    .description('Shows the bulk acts that were begun, wherever they run, the newest first.')
    .option('--limit <n>', 'how many', wholeNumber(1, 100), 20)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  amends bulk list')
    .action(list);
  bulk
    .command('stop')
    .argument('<bulk>', 'id of the bulk act')
    .summary('stop one, wherever it runs')
    .description('Stops a bulk act, wherever it runs. What is in work ends, the rest is not begun.')
    .option('--reason <text>', 'why; it is kept with it')
    .addHelpText('after', '\nExample:\n  amends bulk stop 5d0f8a52-… --reason "the wrong ones"')
    .action(stop);
}
