import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { open } from '../connection.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { checkReadable } from '../json-lines.ts';
import { loadModule, sagaNamed } from '../module.ts';
import { list, wholeNumber, type GlobalOptions } from '../options.ts';
import { print, tell } from '../output.ts';
import { printable } from '../../operations/printable.ts';
import { showProgress } from '../progress.ts';
import { interruptible } from '../signals.ts';
import { startLines, type StartedLine, type StartTotals } from '../start-lines.ts';

interface StartCommandOptions {
  readonly input: string;
  readonly module: string;
  readonly idField?: string;
  readonly tagField?: readonly string[];
  readonly inFlight: number;
  readonly wait?: true;
  readonly json?: true;
  readonly migrate: boolean;
}

function summary(totals: StartTotals, wait: boolean, ms: number): string {
  const { started, rejected, completed, compensated, stuck, terminated, open, confirmed, cancelled } = totals;
  const isTcc = confirmed !== undefined || cancelled !== undefined;
  const good = isTcc ? `${confirmed ?? 0} confirmed` : `${completed} completed`;
  const undone = isTcc ? `${cancelled ?? 0} cancelled` : `${compensated} compensated`;
  const ends = wait ? [good, undone, `${stuck} stuck`] : [];
  if (terminated > 0) ends.push(`${terminated} terminated`);
  if (open > 0) ends.push(`${open} not waited for`);
  return `${[`${started} started`, `${rejected} rejected`, ...ends].join(', ')}, in ${(ms / 1000).toFixed(1)} s`;
}

function verdictOf({ rejected, compensated, cancelled = 0, stuck, terminated }: StartTotals): ExitCode {
  if (compensated + cancelled + stuck + terminated > 0) return EXIT.failed;
  return rejected > 0 ? EXIT.usage : EXIT.ok;
}

async function start(name: string, _options: unknown, command: Command): Promise<void> {
  const { input, idField, tagField, inFlight, json, migrate, ...rest } = command.optsWithGlobals<StartCommandOptions & GlobalOptions>();
  const { module: path, wait: waits, ...globals } = rest;
  const wait = waits === true;
  await checkReadable(input);
  const module = await loadModule(path);
  const work = async (signal: AbortSignal): Promise<ExitCode> => {
    const saga = sagaNamed(module.sagas, name);
    const amends = await open(globals, { logLevel: 'error', migrate });
    const file = input === '-' ? 'standard input' : printable(input);
    const progress = showProgress(input === '-' ? undefined : statSync(input, { throwIfNoEntry: false })?.size);
    try {
      if (wait && amends.store === 'embedded') {
        // Nobody else can: the embedded store has one process.
        await amends.worker({ sagas: module.sagas, implementations: module.implementations }).run();
      }
      const report = async (line: StartedLine): Promise<void> => {
        if (json === true) await print(JSON.stringify(line));
        else if (line.status === 'rejected') await progress.tell(`${file} line ${line.line}: ${line.error}`);
        else if (line.status === 'stuck') await progress.tell(`${line.id} is stuck: ${line.error}`);
      };
      const from = performance.now();
      const totals = await startLines(
        { amends, saga, input, idField, tagFields: tagField ?? [], inFlight, wait, signal },
        report,
        (totals, bytes) => progress.update(totals, bytes),
      );
      progress.stop();
      const ms = Math.round(performance.now() - from);
      if (json === true) await print(JSON.stringify({ store: amends.store, ...totals, ms }));
      else await print(summary(totals, wait, ms));
      return signal.aborted ? EXIT.interrupted : verdictOf(totals);
    } finally {
      progress.stop();
      await amends.close();
    }
  };
  try {
    if (input === '-' && process.stdin.isTTY) await tell('amends: reading JSON lines from the terminal; end with Ctrl-D');
    process.exitCode = await interruptible('starting no more, what is in flight ends', work);
  } finally {
    await module.close();
  }
}

export function addStart(program: Command): void {
  program
    .command('start')
    .argument('<saga>', 'name of a saga that the module exports')
    .summary('start a saga for each line of a file')
    .description(
      'Starts a saga for each line of a file of JSON lines. The file is streamed, whatever its size. A line that is not JSON or that the saga refuses is told with its number, and the others go on.',
    )
    .requiredOption('--input <file>', 'file with one JSON value a line; - reads standard input')
    .requiredOption('--module <file>', 'path of the .js or .mjs module that exports the saga')
    .option('--id-field <name>', 'field that makes the id, as <saga>-<value>: starting a line again is then harmless; default: random ids')
    .option('--tag-field <list>', 'fields to keep as tags, to find the saga by', list)
    .option('--in-flight <n>', 'lines worked on at the same time', wholeNumber(1, 10_000), 100)
    .option('--wait', 'wait for the outcomes; on the embedded store this also runs the steps')
    .option('--json', 'one JSON object for each line that is started or rejected, and a last one with the totals')
    .option('--no-migrate', 'leave the tables on PostgreSQL to amends migrate')
    .addHelpText(
      'after',
      '\nExamples:\n  amends start order --module dist/sagas.js --input orders.jsonl --id-field orderId --wait\n  zcat orders.gz | amends start order --module dist/sagas.js --input - --json\n\nExits with 1 when a saga it waited for was undone or is stuck, else with 2 when a line was rejected.',
    )
    .action(start);
}
