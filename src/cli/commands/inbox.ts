import type { Command } from 'commander';
import { duration } from '../../operations/duration.ts';
import { excerpt, printable } from '../../operations/printable.ts';
import { LOOK, using } from '../connection.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { plainTable } from '../plain-table.ts';

const LONGEST_ERROR = 60;

async function inbox(_options: unknown, command: Command): Promise<void> {
  const { json, ...globals } = command.optsWithGlobals<{ readonly json?: true } & GlobalOptions>();
  const [{ engineOf }, { inboxOf }] = await Promise.all([import('../../amends.ts'), import('../../operations/inbox.ts')]);
  await using(globals, LOOK, async (amends) => {
    const { groups, truncated, nowMs } = await inboxOf(engineOf(amends));
    if (json === true) {
      for (const group of groups) await print(JSON.stringify(group));
      return;
    }
    if (groups.length === 0) return print('Nothing is stuck.');
    const rows = groups.map(({ saga, step, op, error, count, oldestAtMs, examples, notCompensated }) => [
      String(count),
      printable(saga),
      `${op} ${printable(step)}`,
      duration(nowMs - oldestAtMs),
      Object.keys(notCompensated).map(printable).join(', '),
      printable(examples[0]!.id),
      excerpt(error, LONGEST_ERROR),
    ]);
    await print(plainTable(['count', 'saga', 'stuck in', 'oldest', 'left behind', 'such as', 'error'], rows, paintFor(process.stdout)));
    const hint = hintFor(globals);
    if (truncated) await print('\nThere are more: this looks at the 1000 that started last.');
    const [{ saga, step }] = groups as [(typeof groups)[number]];
    const retry = `amends bulk retry --status stuck --saga ${printable(saga)} --step ${printable(step)} --reason "…"`;
    await print(`\nMend the cause, then: ${hint(retry)}`);
  });
}

export function addInbox(program: Command): void {
  program
    .command('inbox')
    .summary('show what is stuck, grouped by saga, step and error')
    .description('Shows what is stuck and waits for a person, grouped by saga, step and error, with its age and what is left behind.')
    .option('--json', 'one JSON object a line, for each group')
    .addHelpText('after', '\nExample:\n  amends inbox')
    .action(inbox);
}
