import { once } from 'node:events';
import { Option, type Command } from 'commander';
import type { DemoPlace } from '../demo/place.ts';
import type { DemoStage } from '../demo/run.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { checkReadable } from '../json-lines.ts';
import { hintFor, wholeNumber, type GlobalOptions } from '../options.ts';
import { print, tell } from '../output.ts';
import { paintFor } from '../paint.ts';
import { printable } from '../../operations/printable.ts';
import { interruptible } from '../signals.ts';

interface DemoOptions {
  readonly orders?: string;
  readonly count?: number;
  readonly seed?: number;
  readonly json?: true;
  readonly dashboard?: true;
  readonly dashboardPort?: number;
}

function isAtTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Where the run can be looked at when it is over. */
async function tellWhereItIs({ temporary, connection, services }: DemoPlace, isEmbedded: boolean, keep: boolean): Promise<void> {
  if (keep) {
    const books = 'folder' in services ? services.folder : `the schemas ${services.schemaPrefix}…`;
    await tell(`Kept for you to look at: the services' books in ${books}${isEmbedded ? `; the sagas in ${connection.folder}` : ''}`);
  }
  if (isEmbedded && temporary !== undefined && !keep) {
    await tell('All of it was in a temporary folder, which is removed. To keep it: amends demo --folder demo');
  } else {
    await tell(`The sagas stay in the store: ${hintFor(connection)('amends list')}`);
  }
}

async function run(options: DemoOptions & GlobalOptions, signal: AbortSignal): Promise<ExitCode> {
  const { orders, count, seed, json, dashboard: wantsDashboard, dashboardPort, ...globals } = options;
  const [{ findPlace }, { openDemo, runDemo }, { demoVerdict, renderDemo }] = await Promise.all([
    import('../demo/place.ts'),
    import('../demo/run.ts'),
    import('../demo/report.ts'),
  ]);
  const place = await findPlace(globals);
  let keep = false;
  try {
    await tell('Opening the store and the three services of the order example …');
    const stage = await openDemo(place);
    try {
      if (stage.amends.store === 'embedded') {
        await tell('The embedded store is for one process; for several, and for production, set AMENDS_URL to redis://… or postgres://…');
      } else await tell(`In a namespace of this run's own: ${stage.amends.namespace}`);
      const dashboard = wantsDashboard === true ? await serve(stage, dashboardPort) : undefined;
      try {
        const report = await runDemo(stage, place, { file: orders, count, seed }, signal);
        const good = report.audit.netZero && report.tally.stuck.length === 0;
        keep = !good;
        const text = renderDemo(report, paintFor(json === true ? process.stderr : process.stdout));
        await (json === true ? tell(text) : print(text));
        await tellWhereItIs(place, stage.amends.store === 'embedded', keep);
        if (json === true) await print(JSON.stringify(demoVerdict(report)));
        if (signal.aborted) return EXIT.interrupted;
        if (dashboard !== undefined && isAtTerminal()) {
          await tell(`The dashboard stays open at ${dashboard.url} until you press Ctrl-C.`);
          await once(signal, 'abort');
        }
        return good ? EXIT.ok : EXIT.failed;
      } finally {
        await dashboard?.close();
      }
    } finally {
      await stage.close({ keep });
    }
  } finally {
    if (!keep) await place.remove();
  }
}

async function serve({ amends }: DemoStage, port: number | undefined) {
  const { startDashboard } = await import('../../../dashboard/server/index.ts');
  const dashboard = await startDashboard(amends, port === undefined ? {} : { port });
  await tell(`Dashboard: ${printable(dashboard.url)}`);
  return dashboard;
}

async function demo(_options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<DemoOptions & GlobalOptions>();
  if (options.orders !== undefined) await checkReadable(options.orders);
  process.exitCode = await interruptible('no more orders, those in flight end', (signal) => run(options, signal));
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('run the order example: nothing to install or to set up')
    .description(
      'Runs orders through a saga of three services with a database each: create_order, reserve_inventory, charge_payment. Some orders fail at each step and are undone; an audit of the services then proves that nothing is left over. By default in an embedded store in a temporary folder; ORDER_DATABASE_URL puts the services on PostgreSQL.',
    )
    .option('--orders <file>', 'orders as JSON lines, instead of made-up ones')
    .addOption(new Option('--count <n>', 'how many orders to make up; default 60').argParser(wholeNumber(0, 1_000_000)).conflicts('orders'))
    .addOption(
      new Option('--seed <n>', 'another seed makes up other orders; default 1')
        .argParser(wholeNumber(0, 1_000_000_000))
        .conflicts('orders'),
    )
    .option('--json', 'print only one JSON object, as the last line; the report goes to stderr')
    .option('--dashboard', 'serve the dashboard meanwhile, and at a terminal until Ctrl-C')
    .option('--dashboard-port <n>', 'port of the dashboard, 0 for any free one; default 3700', wholeNumber(0, 65_535))
    .addHelpText(
      'after',
      '\nExamples:\n  amends demo\n  amends demo --count 500 --seed 7 --dashboard\n  amends demo --orders orders.jsonl --json --url redis://localhost:6379\n\nExits with 1 when a saga is stuck or the audit is not net zero.',
    )
    .action(demo);
}
