import type { Command } from 'commander';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import type { ReasonedOptions } from '../../producers/control.ts';
import { printable } from '../../operations/printable.ts';

type ReasonOptions = ActCommandOptions & GlobalOptions;

/** Without a reason it is refused. */
function reasonedOf(options: ActCommandOptions): ReasonedOptions {
  return { ...controlOf(options), reason: options.reason ?? '' };
}

async function terminate(id: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ReasonOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'terminate');
    const left = await amends.get(id).terminate(reasonedOf(options));
    const what = left.length === 0 ? 'nothing is left behind' : `left behind: ${left.map(printable).join(', ')}`;
    await print(`${printable(id)} is terminated; ${what}.`);
    return EXIT.ok;
  });
}

async function skip(id: string, step: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ReasonOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'skip', { step });
    await amends.get(id).skip(step, reasonedOf(options));
    const look = hintFor(options)(`amends show ${printable(id)}`);
    await print(`The undo of ${printable(step)} is given up; workers undo what comes before it. Look: ${look}`);
    return EXIT.ok;
  });
}

async function markUndone(id: string, step: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<ReasonOptions>();
  process.exitCode = await using(options, LOOK, async (amends) => {
    if (options.dryRun === true) return preview(amends, id, 'mark_undone', { step });
    await amends.get(id).markUndone(step, reasonedOf(options));
    const look = hintFor(options)(`amends show ${printable(id)}`);
    await print(`${printable(step)} is taken for undone; workers undo what comes before it. Look: ${look}`);
    return EXIT.ok;
  });
}

/** The acts by which a person takes over from the workers. */
export function addGiveUp(program: Command): void {
  addActOptions(
    program
      .command('skip')
      .argument('<id>', 'id of the saga')
      .argument('<step>', 'the step whose undo is stuck')
      .summary('give up an undo that is stuck, and undo the rest')
      .description(
        'Gives up an undo that is stuck. The ones before it go on, and the saga ends as terminated, with that step listed as left behind.',
      ),
  )
    .addHelpText('after', '\nExample:\n  amends skip order-42 charge_payment --reason "the customer keeps it"')
    .action(skip);
  addActOptions(
    program
      .command('mark-undone')
      .argument('<id>', 'id of the saga')
      .argument('<step>', 'the step whose undo is stuck')
      .summary('say that a person has done an undo that is stuck')
      .description(
        'Records that a person has done an undo that is stuck. The ones before it go on, and the saga can still end as compensated.',
      ),
  )
    .addHelpText('after', '\nExample:\n  amends mark-undone order-42 charge_payment --reason "refunded by hand, receipt 4711"')
    .action(markUndone);
  addActOptions(
    program
      .command('terminate')
      .argument('<id>', 'id of the saga')
      .summary('end a saga here and now, and list what stays')
      .description('Ends a saga here and now. Nothing more is done or undone; what stays behind is listed.'),
  )
    .addHelpText('after', '\nExample:\n  amends terminate order-42 --reason "settled by hand"')
    .action(terminate);
}
