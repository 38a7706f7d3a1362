import type { Command } from 'commander';
import type { Status } from '../../machine/state.ts';
import { LOOK, storeTimeMs, using } from '../connection.ts';
import { statusList, tag, wholeNumber, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderTransactions } from '../transactions-table.ts';

interface ListOptions {
  readonly saga?: string;
  readonly status?: readonly Status[];
  readonly tag?: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: true;
}

/** What stands before the error column, roughly. */
const OTHER_COLUMNS = 100;

async function list(_options: unknown, command: Command): Promise<void> {
  const { saga, status, tag: tags, limit, cursor, json, ...globals } = command.optsWithGlobals<ListOptions & GlobalOptions>();
  await using(globals, LOOK, async (amends) => {
    const { transactions, nextCursor } = await amends.list({ saga, status, tag: tags, limit, cursor });
    if (json === true) {
      for (const transaction of transactions) await print(JSON.stringify(transaction));
      if (nextCursor !== undefined) await print(JSON.stringify({ nextCursor }));
      return;
    }
    if (transactions.length === 0) await print(nextCursor === undefined ? 'No transaction matches.' : 'None on this page.');
    else {
      const errorLength = process.stdout.isTTY ? Math.max(30, process.stdout.columns - OTHER_COLUMNS) : undefined;
      const paint = paintFor(process.stdout);
      const nowMs = await storeTimeMs(amends);
      await print(renderTransactions({ transactions, nowMs, paint, ...(errorLength === undefined ? {} : { errorLength }) }));
    }
    if (nextCursor !== undefined) await print(`\nThere are more. For the next page add: --cursor ${nextCursor}`);
  });
}

export function addList(program: Command): void {
  program
    .command('list')
    .summary('list sagas, newest first')
    .description('Lists sagas, newest start first, a page at a time.')
    .option('--saga <name>', 'only of this saga')
    .option('--status <list>', 'only with one of these statuses, such as stuck,compensating', statusList)
    .option('--tag <name=value>', 'only with this tag; give it again for further ones', tag)
    .option('--limit <n>', 'length of a page, 1 to 200', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'the page that follows, as told at the end of the one before')
    .option('--json', 'one JSON object a line; a last one {"nextCursor"} when there are more')
    .addHelpText('after', '\nExample:\n  amends list --status stuck --saga order --tag customer=c1')
    .action(list);
}
