import type { EventBackend } from './backend.ts';
import { DUMP_FORMAT, type DumpLine } from './dump-line.ts';
import type { LoggedEvent } from './global-log.ts';
import { subscriptionOf } from './projection.ts';

export interface DumpOptions {
  /**
   * Also the keys of data about people. Whoever has the dump can then read it, and forgetting somebody does not reach it. Default `false`:
   * restored into another store, their data reads as forgotten.
   */
  readonly keys?: boolean;
}

const PAGE = 500;
const MOST_LETTERS = 1_000_000;

function eventLine(event: LoggedEvent): DumpLine {
  const { position, aggregateType, aggregateId, version, eventId, eventType, schemaVersion, eventData, metadata, timestamp } = event;
  const place = { position, type: aggregateType, id: aggregateId, version };
  return { kind: 'event', ...place, eventId, eventType, schemaVersion, data: eventData, metadata, atMs: timestamp.getTime() };
}

/**
 * All events that were stored when it began, in their order, what became of their streams, and where the subscriptions stand; one object for
 * each line of a file. The journal of the sagas is left out: it goes with its queues, by a backup of the whole store.
 */
export async function* dumpEvents(backend: EventBackend, { keys = false }: DumpOptions = {}): AsyncGenerator<DumpLine, void, undefined> {
  const { log, transfer, subjectKeys, subscriptions, projections } = backend;
  // Before the events: a subscription that goes on meanwhile must not be ahead of them.
  // Not those of projections: their tables are not here, and are made anew from the first event on.
  const projected = new Set((await projections.list()).map(subscriptionOf));
  const stored = (await subscriptions.list()).filter(({ name }) => !projected.has(name));
  const parked = await Promise.all(stored.map(({ name }) => subscriptions.letters(name, MOST_LETTERS)));
  const head = await log.head();
  yield { kind: 'events', format: DUMP_FORMAT, hash: transfer.hash, head };
  let events = 0;
  for (let position = 0, more = true; more && position < head;) {
    const page = await log.read(position, { limit: PAGE });
    for (const event of page.events) {
      if (event.position > head) break;
      events++;
      yield eventLine(event);
    }
    ({ position, more } = page);
  }
  for await (const { aggregateType, aggregateId, firstVersion, state } of transfer.heads()) {
    yield { kind: 'stream', type: aggregateType, id: aggregateId, firstVersion, state };
  }
  if (keys) {
    for await (const { subject, keyId, key } of subjectKeys.all()) yield { kind: 'key', subject, keyId, key: key.toString('base64') };
  }
  for (const [i, { name, paused, partitions }] of stored.entries()) {
    const positions = partitions.map(({ position }) => position);
    const letters = parked[i]!.map(({ position, attempts, error }) => ({ position, attempts, ...(error === undefined ? {} : { error }) }));
    yield { kind: 'subscription', name, paused, positions, parked: letters };
  }
  yield { kind: 'end', events };
}
