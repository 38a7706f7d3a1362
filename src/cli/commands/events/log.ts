import type { Command } from 'commander';
import { LOOK, using } from '../../connection.ts';
import { eventLine } from '../../event-line.ts';
import { list, wholeNumber, type GlobalOptions } from '../../options.ts';
import { print } from '../../output.ts';

interface LogCommandOptions {
  readonly after: number;
  readonly type?: readonly string[];
  readonly limit: number;
  readonly json?: true;
}

const PAGE = 500;

async function log(_options: unknown, command: Command): Promise<void> {
  const { after, type, limit, json, ...globals } = command.optsWithGlobals<LogCommandOptions & GlobalOptions>();
  await using(globals, LOOK, async ({ events }) => {
    let shown = 0;
    let position = after;
    for (let more = true; more && shown < limit;) {
      const page = await events.log.read(position, { categories: type, limit: Math.min(PAGE, limit - shown) });
      for (const { keyHash: _hash, ...event } of page.events) {
        shown++;
        await print(json === true ? JSON.stringify(event) : eventLine(event, event.position, true));
      }
      ({ position, more } = page);
    }
    if (json !== true && shown === limit) await print(`\nThere may be more. For the next page add: --after ${position}`);
  });
}

export function addLog(events: Command): void {
  events
    .command('log')
    .summary('show all events of the store in their order')
    .description('Shows the events of all streams in the one order of the store, as they are stored.')
    .option('--after <position>', 'begin after this position', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--type <list>', 'only of these types of aggregates; transaction is the journal of the sagas, else left out', list)
    .option('--limit <n>', 'show at most so many', wholeNumber(1, 1_000_000), 100)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  amends events log --type order,invoice --after 1200')
    .action(log);
}
