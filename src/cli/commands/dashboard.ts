import type { Command } from 'commander';
import { LOOK, open } from '../connection.ts';
import { wholeNumber, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { untilSignal } from '../signals.ts';

interface DashboardOptions {
  readonly host?: string;
  readonly port?: number;
}

const GRACE_MS = 10_000;

async function dashboard(_options: unknown, command: Command): Promise<void> {
  const { host, port, ...globals } = command.optsWithGlobals<DashboardOptions & GlobalOptions>();
  const { startDashboard } = await import('../../../dashboard/server/index.ts');
  const amends = await open(globals, { ...LOOK, logLevel: 'warn' });
  try {
    const served = await startDashboard(amends, { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) });
    await print(served.url);
    await untilSignal(async () => {
      await served.close();
      await amends.close();
    }, GRACE_MS);
  } finally {
    await amends.close();
  }
}

export function addDashboard(program: Command): void {
  program
    .command('dashboard')
    .summary('serve the dashboard until SIGTERM')
    .description(
      'Serves the console, its API, Bull Board over all queues, and /healthz. On this machine only, unless --host names another address; then AMENDS_DASHBOARD_TOKEN must hold a long random text, which visitors give as password.',
    )
    .option('--host <address>', 'address to listen on; default 127.0.0.1')
    .option('--port <n>', 'port, 0 for any free one; default 3700', wholeNumber(0, 65_535))
    .addHelpText('after', '\nExample:\n  AMENDS_DASHBOARD_TOKEN=$(openssl rand -hex 32) amends dashboard --host 0.0.0.0')
    .action(dashboard);
}
