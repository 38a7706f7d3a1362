import type { Command } from 'commander';
import { LOOK, storeTimeMs, using } from '../connection.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { renderTimeline } from '../timeline.ts';

async function show(id: string, _options: unknown, command: Command): Promise<void> {
  const { json, ...globals } = command.optsWithGlobals<{ readonly json?: true } & GlobalOptions>();
  const [{ engineOf }, { shownOf }] = await Promise.all([import('../../amends.ts'), import('../../operations/shown.ts')]);
  await using(globals, LOOK, async (amends) => {
    const { view, history } = await shownOf(engineOf(amends), id);
    if (json === true) return print(JSON.stringify({ ...view, history }));
    const { notCompensated } = view;
    const hint = hintFor(globals);
    const nowMs = await storeTimeMs(amends);
    await print(renderTimeline({ id, history, notCompensated, nowMs, hint, paint: paintFor(process.stdout) }));
  });
}

export function addShow(program: Command): void {
  program
    .command('show')
    .argument('<id>', 'id of the saga, as amends list shows it')
    .summary('show what has happened to a saga, and what to do next')
    .description('Shows everything that has happened to one saga in a timeline, what is left behind, and what to do next.')
    .option('--json', 'one JSON object: how it stands, and its history')
    .addHelpText('after', '\nExample:\n  amends show order-42')
    .action(show);
}
