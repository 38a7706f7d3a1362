import type { Command } from 'commander';
import type { TransactionSummary } from '../../journal/journal.ts';
import type { TransactionRow } from '../../operations/filter.ts';
import { LOOK, storeTimeMs, using } from '../connection.ts';
import { addFilterOptions, filterOf, type FilterOptions } from '../filter-options.ts';
import { wholeNumber, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderTransactions } from '../transactions-table.ts';

interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: true;
}

/** What stands before the error column, roughly. */
const OTHER_COLUMNS = 100;

function summaryOf({ error, endedAtMs, ...row }: TransactionRow): TransactionSummary {
  return { ...row, error: error ?? undefined, endedAtMs: endedAtMs ?? undefined };
}

async function list(_options: unknown, command: Command): Promise<void> {
  const { limit, cursor, json, ...globals } = command.optsWithGlobals<ListOptions & GlobalOptions>();
  const [{ engineOf }, { listTransactions }] = await Promise.all([import('../../amends.ts'), import('../../operations/filter.ts')]);
  await using(globals, LOOK, async (amends) => {
    const page = await listTransactions(engineOf(amends), filterOf(globals), { limit, cursor });
    const transactions = page.transactions.map(summaryOf);
    const nextCursor = page.nextCursor ?? undefined;
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
  const command = program
    .command('list')
    .summary('list sagas, newest first')
    .description('Lists sagas, newest start first, a page at a time.');
  addFilterOptions(command)
    .option('--limit <n>', 'length of a page, 1 to 200', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'the page that follows, as told at the end of the one before')
    .option('--json', 'one JSON object a line; a last one {"nextCursor"} when there are more')
    .addHelpText('after', '\nExample:\n  amends list --status stuck --saga order --tag customer=c1')
    .action(list);
}
