import type { Command } from 'commander';
import type { EventStore, StreamHead } from '../../../events/event-store.ts';
import { LOOK, using } from '../../connection.ts';
import { wholeNumber, type GlobalOptions } from '../../options.ts';
import { print } from '../../output.ts';
import { printable } from '../../../operations/printable.ts';

type Work<Options> = (store: EventStore, stream: { aggregateType: string; aggregateId: string }, options: Options) => Promise<StreamHead>;

function addTo<Options>(
  events: Command,
  name: string,
  texts: { readonly summary: string; readonly description: string; readonly example: string },
  work: Work<Options>,
): Command {
  return events
    .command(name)
    .argument('<type>', 'type of the aggregate, order for example')
    .argument('<id>', 'id of the aggregate')
    .summary(texts.summary)
    .description(texts.description)
    .addHelpText('after', `\nExample:\n  amends events ${name} ${texts.example}`)
    .action(async (aggregateType: string, aggregateId: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      await using(options, LOOK, async (amends) => {
        const { version, firstVersion, state } = await work(amends.events.store, { aggregateType, aggregateId }, options);
        const archived = state !== 'tombstoned' && firstVersion > 1 ? `, archived up to ${firstVersion - 1}` : '';
        await print(`${printable(aggregateType)}/${printable(aggregateId)} is ${state} at version ${version}${archived}.`);
      });
    });
}

/** What ends a stream, or moves it aside. */
export function addEnds(events: Command): void {
  addTo(
    events,
    'close',
    {
      summary: 'let an aggregate take no more events',
      description: 'Closes the stream of an aggregate: it is read as before, and takes no more events.',
      example: 'order order-42',
    },
    (store, stream) => store.closeStream(stream),
  );
  addTo<{ readonly to?: number }>(
    events,
    'archive',
    {
      summary: 'move events of an aggregate to cheaper storage',
      description: 'Moves events of an aggregate to another table, or on Redis into compressed packs. They are read as before.',
      example: 'order order-42 --to 1000',
    },
    (store, stream, { to }) => store.archive(stream, to === undefined ? {} : { toVersion: to }),
  ).option('--to <version>', 'the last one to move; default: all there are', wholeNumber(1, Number.MAX_SAFE_INTEGER));
  addTo<{ readonly reason?: string }>(
    events,
    'tombstone',
    {
      summary: 'delete an aggregate for good',
      description:
        'Deletes all events of an aggregate. One last event tells those who follow it, and the id of the aggregate can not be used again. There is no way back.',
      example: 'order order-42 --reason "asked for by the customer"',
    },
    (store, stream, { reason }) => store.tombstone(stream, reason === undefined ? {} : { reason }),
  ).option('--reason <text>', 'kept in the last event');
}
