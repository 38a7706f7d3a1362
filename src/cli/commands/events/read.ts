import type { Command } from 'commander';
import { LOOK, using } from '../../connection.ts';
import { eventLine } from '../../event-line.ts';
import { wholeNumber, type GlobalOptions } from '../../options.ts';
import { print } from '../../output.ts';

interface ReadCommandOptions {
  readonly from: number;
  readonly to?: number;
  readonly json?: true;
}

async function read(aggregateType: string, aggregateId: string, _options: unknown, command: Command): Promise<void> {
  const { from, to, json, ...globals } = command.optsWithGlobals<ReadCommandOptions & GlobalOptions>();
  await using(globals, LOOK, async ({ events }) => {
    const stream = { aggregateType, aggregateId };
    let count = 0;
    for await (const event of events.store.read(stream, { fromVersion: from, ...(to === undefined ? {} : { toVersion: to }) })) {
      count++;
      await print(json === true ? JSON.stringify(event) : eventLine(event, event.version));
    }
    if (json === true || aggregateType === 'transaction') return;
    const head = await events.store.head(stream);
    if (head === undefined) await print('There is no such stream.');
    else if (count === 0) await print(`It has ${head.version} events, none of them in that range.`);
    else if (head.state !== 'open') await print(`It is ${head.state}.`);
  });
}

export function addRead(events: Command): void {
  events
    .command('read')
    .argument('<type>', 'type of the aggregate, order for example; transaction is the journal of the sagas')
    .argument('<id>', 'id of the aggregate')
    .summary('show the events of one aggregate')
    .description('Shows the events of one aggregate in order, as they are stored: not upcast, and personal fields encrypted.')
    .option('--from <version>', 'first version to show', wholeNumber(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--to <version>', 'last version to show; default: the newest', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  amends events read order order-42 --from 3')
    .action(read);
}
