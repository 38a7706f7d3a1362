import type { Command } from 'commander';
import { LOOK, using } from '../connection.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

type ReasonOptions = { readonly reason: string } & GlobalOptions;

async function terminate(id: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<ReasonOptions>();
  await using(globals, LOOK, async (amends) => {
    const left = await amends.get(id).terminate({ reason });
    const what = left.length === 0 ? 'nothing is left behind' : `left behind: ${left.map(printable).join(', ')}`;
    await print(`${printable(id)} is terminated; ${what}.`);
  });
}

async function skip(id: string, step: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<ReasonOptions>();
  await using(globals, LOOK, async (amends) => {
    await amends.get(id).skip(step, { reason });
    const look = hintFor(globals)(`amends show ${printable(id)}`);
    await print(`The undo of ${printable(step)} is given up; workers undo what comes before it. Look: ${look}`);
  });
}

async function markUndone(id: string, step: string, _options: unknown, command: Command): Promise<void> {
  const { reason, ...globals } = command.optsWithGlobals<ReasonOptions>();
  await using(globals, LOOK, async (amends) => {
    await amends.get(id).markUndone(step, { reason });
    const look = hintFor(globals)(`amends show ${printable(id)}`);
    await print(`${printable(step)} is taken for undone; workers undo what comes before it. Look: ${look}`);
  });
}

/** The acts by which a person takes over from the workers. */
export function addGiveUp(program: Command): void {
  program
    .command('skip')
    .argument('<id>', 'id of the saga')
    .argument('<step>', 'the step whose undo is stuck')
    .summary('give up an undo that is stuck, and undo the rest')
    .description(
      'Gives up an undo that is stuck. The ones before it go on, and the saga ends as terminated, with that step listed as left behind.',
    )
    .requiredOption('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends skip order-42 charge_payment --reason "the customer keeps it"')
    .action(skip);
  program
    .command('mark-undone')
    .argument('<id>', 'id of the saga')
    .argument('<step>', 'the step whose undo is stuck')
    .summary('say that a person has done an undo that is stuck')
    .description(
      'Records that a person has done an undo that is stuck. The ones before it go on, and the saga can still end as compensated.',
    )
    .requiredOption('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends mark-undone order-42 charge_payment --reason "refunded by hand, receipt 4711"')
    .action(markUndone);
  program
    .command('terminate')
    .argument('<id>', 'id of the saga')
    .summary('end a saga here and now, and list what stays')
    .description('Ends a saga here and now. Nothing more is done or undone; what stays behind is listed.')
    .requiredOption('--reason <text>', 'why; it becomes part of the history')
    .addHelpText('after', '\nExample:\n  amends terminate order-42 --reason "settled by hand"')
    .action(terminate);
}
