import { createRequire } from 'node:module';
import { Command } from 'commander';
import { addBulk } from './commands/bulk.ts';
import { addCancel } from './commands/cancel.ts';
import { addConfirm } from './commands/confirm.ts';
import { addDashboard } from './commands/dashboard.ts';
import { addDemo } from './commands/demo.ts';
import { addEvents } from './commands/events.ts';
import { addGiveUp } from './commands/give-up.ts';
import { addHold } from './commands/hold.ts';
import { addInbox } from './commands/inbox.ts';
import { addList } from './commands/list.ts';
import { addMigrate } from './commands/migrate.ts';
import { addRetry } from './commands/retry.ts';
import { addServices } from './commands/services.ts';
import { addShow } from './commands/show.ts';
import { addSignal } from './commands/signal.ts';
import { addStart } from './commands/start.ts';
import { addStats } from './commands/stats.ts';
import { addWorker } from './commands/worker.ts';
import { EXIT_CODES_HELP } from './exit-codes.ts';
import { wholeNumber } from './options.ts';

const ENVIRONMENT_HELP = `Environment:
  AMENDS_URL              the store: redis://…, rediss://… or postgres://…; unset: embedded, in a folder
  AMENDS_LOG_LEVEL        level of the log on stderr: trace, debug, info, warn, error, silent
  AMENDS_DASHBOARD_TOKEN  lets into the dashboard who knows it
  AMENDS_DASHBOARD_VIEWER_TOKEN
                          the same to look, and change nothing
  AMENDS_DASHBOARD_PASSWORD
                          the password of amends dashboard --user
  NO_COLOR                no colours`;

/** By the package's own name: the path differs between the sources and what is published. */
function version(): string {
  return (createRequire(import.meta.url)('amends/package.json') as { version: string }).version;
}

/** The command line, ready to parse. Actions leave their exit code in `process.exitCode`. */
export function createProgram(): Command {
  const program = new Command('amends')
    .description('Distributed transactions for Node services: sagas that undo themselves.')
    .version(version())
    .option('--url <url>', 'the store: redis://…, rediss://… or postgres://…; default: AMENDS_URL, else the embedded store')
    .option('--namespace <name>', 'keeps several installations apart in one store; default: amends')
    .option(
      '--shards <n>',
      'Redis: parts its transactions are divided into; default: what the namespace has, 1 in a new one',
      wholeNumber(1, 256),
    )
    .option('--folder <path>', 'folder of the embedded store; default: .amends')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(amends help <command> tells more)')
    .addHelpText('after', `\nFirst steps:\n  amends demo\n  amends help start\n\n${ENVIRONMENT_HELP}`)
    .addHelpText('afterAll', `\n${EXIT_CODES_HELP}`)
    .exitOverride();
  for (const add of [
    addDemo,
    addWorker,
    addStart,
    addList,
    addShow,
    addInbox,
    addServices,
    addStats,
    addSignal,
    addRetry,
    addCancel,
    addConfirm,
    addHold,
    addGiveUp,
    addBulk,
    addEvents,
    addDashboard,
    addMigrate,
  ])
    add(program);
  return program;
}
