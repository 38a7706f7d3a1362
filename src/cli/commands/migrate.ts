import type { Command } from 'commander';
import { using } from '../connection.ts';
import type { GlobalOptions } from '../options.ts';
import { print } from '../output.ts';

async function migrate(_options: unknown, command: Command): Promise<void> {
  const globals = command.optsWithGlobals<GlobalOptions>();
  await using(globals, { logLevel: 'error', migrate: true }, async ({ store, namespace }) => {
    const what = store === 'redis' ? 'Redis has no tables: nothing to migrate' : 'The tables are up to date';
    await print(`${what} (${store}, namespace ${namespace}).`);
  });
}

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('create or update the tables on PostgreSQL')
    .description('Creates or updates the tables on PostgreSQL. Run it when you deploy, and connect({ migrate: false }) in the application.')
    .addHelpText('after', '\nExample:\n  amends migrate --url postgres://amends@db/shop')
    .action(migrate);
}
