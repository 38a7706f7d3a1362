import type { Command } from 'commander';
import type { SagaOutcome } from '../../producers/outcome.ts';
import type { TccOutcome } from '../../producers/tcc-outcome.ts';
import { AmendsError } from '../../errors.ts';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';
import { interruptible } from '../signals.ts';

interface CancelOptions extends ActCommandOptions {
  readonly wait?: true;
}

async function tellOutcome(id: string, outcome: SagaOutcome<unknown> | TccOutcome<unknown>, globals: GlobalOptions): Promise<ExitCode> {
  switch (outcome.status) {
    case 'compensated':
      await print(`${id} is undone: nothing is left behind.`);
      return EXIT.ok;
    case 'cancelled':
      await print(`${id} is cancelled: nothing is held any more.`);
      return EXIT.ok;
    case 'completed':
    case 'confirmed':
      await print(`${id} has ${outcome.status === 'completed' ? 'completed' : 'been confirmed'}: it was too late to cancel it.`);
      return EXIT.failed;
    default: {
      const left = 'leftovers' in outcome ? outcome.leftovers : outcome.notCompensated;
      await print(`${id} is ${outcome.status}: not undone: ${left.map(printable).join(', ')}`);
      await print(`Look: ${hintFor(globals)(`amends show ${id}`)}`);
      return EXIT.failed;
    }
  }
}

async function cancel(given: string, _options: unknown, command: Command): Promise<void> {
  const { wait, ...globals } = command.optsWithGlobals<CancelOptions & GlobalOptions>();
  const id = printable(given);
  const work = (signal?: AbortSignal): Promise<ExitCode> =>
    using(globals, LOOK, async (amends) => {
      if (wait === true && amends.store === 'embedded') {
        throw new AmendsError(
          'INVALID_OPTION',
          '--wait: while this command has the embedded store no worker can undo anything; leave --wait out, then start the worker',
        );
      }
      const run = amends.get(given);
      if (globals.dryRun === true) return preview(amends, given, 'cancel');
      const turned = await run.cancel(controlOf(globals));
      if (wait === true) return tellOutcome(id, await run.outcome(signal === undefined ? {} : { signal }), globals);
      const look = hintFor(globals)(`amends show ${id}`);
      await print(turned ? `${id} turns back; workers undo it. Look: ${look}` : `${id} had turned back or ended before. Look: ${look}`);
      return EXIT.ok;
    });
  process.exitCode = wait === true ? await interruptible('no longer waiting', work) : await work();
}

export function addCancel(program: Command): void {
  const command = program
    .command('cancel')
    .argument('<id>', 'id of the saga')
    .summary('turn a saga back: undo what it has done')
    .description(
      'Turns a saga back: what waits is taken back, what runs is told to stop, what is done is undone. Refused past its pivot, and for a TCC once its verdict is to confirm.',
    )
    .option('--wait', 'wait until it is undone; exits with 1 when it gets stuck or completed before');
  addActOptions(command)
    .addHelpText('after', '\nExample:\n  amends cancel order-42 --reason "customer changed their mind" --wait')
    .action(cancel);
}
