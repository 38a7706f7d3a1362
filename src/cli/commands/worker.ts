import type { Command } from 'commander';
import type { Amends } from '../../amends.ts';
import type { Served } from '../../../dashboard/server/listener.ts';
import { open } from '../connection.ts';
import { loadModule } from '../module.ts';
import { list, wholeNumber, type GlobalOptions } from '../options.ts';
import { untilSignal } from '../signals.ts';

interface WorkerCommandOptions {
  readonly concurrency?: number;
  readonly services?: readonly string[];
  readonly graceMs: number;
  readonly migrate: boolean;
  readonly port?: number;
  readonly host?: string;
}

/** Of the whole wait, what is left for telling actions to stop and giving up what does not. */
const GIVING_UP_MS = 5_000;

/** How a worker that has `graceMs` to end spends them. */
function shutdown(graceMs: number): { readonly drainMs: number; readonly graceMs: number } {
  const givingUpMs = Math.min(GIVING_UP_MS, graceMs / 2);
  return { drainMs: Math.floor(graceMs - givingUpMs), graceMs: Math.floor(Math.min(1_000, givingUpMs / 2)) };
}

async function worker(path: string, _options: unknown, command: Command): Promise<void> {
  const { concurrency, services, graceMs, migrate, port, host, ...globals } = command.optsWithGlobals<
    WorkerCommandOptions & GlobalOptions
  >();
  const module = await loadModule(path);
  try {
    const amends = await open(globals, { logLevel: 'info', migrate });
    try {
      const { sagas, implementations, alerts } = module;
      const running = amends.worker({
        sagas,
        implementations,
        ...shutdown(graceMs),
        ...(alerts === undefined ? {} : { alerts }),
        ...(services === undefined ? {} : { services }),
        ...(concurrency === undefined ? {} : { concurrency }),
      });
      let notReady = 'it does not take jobs yet';
      await using served = port === undefined ? undefined : await serve(amends, { port, host }, () => (notReady === '' ? [] : [notReady]));
      await running.run();
      notReady = '';
      await untilSignal(async () => {
        notReady = 'it is being stopped';
        await amends.close(); // the workers first: they need what the module opened
        await served?.close();
        await module.close();
      }, graceMs);
    } finally {
      await amends.close();
    }
  } finally {
    await module.close();
  }
}

/** What it tells of itself goes on while it ends what it has in work. */
async function serve(
  amends: Amends,
  { port, host }: { readonly port: number; readonly host: string | undefined },
  notReady: () => readonly string[],
): Promise<Served> {
  const { startRunner } = await import('../../../dashboard/server/runner.ts');
  return startRunner(amends, { port, notReady, ...(host === undefined ? {} : { host }) });
}

export function addWorker(program: Command): void {
  program
    .command('worker')
    .argument('<module>', 'path of a .js or .mjs module that exports sagas, and implementations of their steps')
    .summary('run the steps of sagas until SIGTERM')
    .description(
      'Runs the steps of sagas. The module exports `sagas` (a list), `implementations` (a list, unless all steps are inline), `alerts` (whom to tell when something needs a person) and, if it opened anything, `close`. SIGTERM and SIGINT let what is in work end first; what takes too long is told to stop, and another worker takes it over.',
    )
    .option('--concurrency <n>', 'jobs at the same time, per queue; default 50', wholeNumber(1, 10_000))
    .option('--services <list>', 'take only the queues of these services; default: all there is code for', list)
    .option('--grace-ms <n>', 'longest wait for what is in work when it is stopped', wholeNumber(0, 3_600_000), 30_000)
    .option(
      '--port <n>',
      'serve /livez, /readyz and /metrics on this port, 0 for any free one; default: not served',
      wholeNumber(0, 65_535),
    )
    .option('--host <address>', 'address to serve them on; default 127.0.0.1; any other one needs AMENDS_DASHBOARD_TOKEN')
    .option('--no-migrate', 'leave the tables on PostgreSQL to amends migrate')
    .addHelpText('after', '\nExample:\n  amends worker dist/payments-worker.js --concurrency 20')
    .action(worker);
}
