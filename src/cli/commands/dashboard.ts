import type { Command } from 'commander';
import { LOOK, open } from '../connection.ts';
import { AmendsError } from '../../errors.ts';
import type { DashboardAuth } from '../../../dashboard/server/options.ts';
import { list, wholeNumber, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { untilSignal } from '../signals.ts';

interface DashboardOptions {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly allowedHosts?: readonly string[];
  readonly trustProxy?: number | readonly string[];
  readonly traceUrl?: string;
}

/** The user with the password of the environment: one on the command line could be read by everybody on this machine. */
function authOf(user: string | undefined): { readonly auth?: DashboardAuth } {
  const { AMENDS_DASHBOARD_PASSWORD: password = '', AMENDS_DASHBOARD_VIEWER_TOKEN: viewer = '' } = process.env;
  if (user === undefined) return {};
  if (password === '') throw new AmendsError('INVALID_OPTION', '--user needs a password: set AMENDS_DASHBOARD_PASSWORD');
  return { auth: { user, password, ...(viewer === '' ? {} : { viewer: { token: viewer } }) } };
}

function proxies(text: string): number | readonly string[] {
  return /^\d+$/.test(text) ? Number(text) : list(text);
}

const GRACE_MS = 10_000;

async function dashboard(_options: unknown, command: Command): Promise<void> {
  const { user, ...options } = command.optsWithGlobals<DashboardOptions & GlobalOptions>();
  const { startDashboard } = await import('../../../dashboard/server/index.ts');
  const { host, port, allowedHosts, trustProxy, traceUrl } = options;
  const given = Object.entries({ host, port, allowedHosts, trustProxy, traceUrl }).filter(([, value]) => value !== undefined);
  const amends = await open(options, { ...LOOK, logLevel: 'warn' });
  try {
    const served = await startDashboard(amends, { ...Object.fromEntries(given), ...authOf(user) });
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
    .option('--user <name>', 'user that visitors log in as, with the password in AMENDS_DASHBOARD_PASSWORD')
    .option('--allowed-hosts <list>', 'host names of a reverse proxy in front of it', list)
    .option(
      '--trust-proxy <n>',
      'number of reverse proxies in front of it, or a list of their addresses, to know visitors by their own',
      proxies,
    )
    .option('--trace-url <url>', 'where traces are shown, with {traceId} in it')
    .addHelpText('after', '\nExample:\n  AMENDS_DASHBOARD_TOKEN=$(openssl rand -hex 32) amends dashboard --host 0.0.0.0')
    .action(dashboard);
}
