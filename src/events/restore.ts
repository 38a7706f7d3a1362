import { AmendsError } from '../errors.ts';
import type { EventBackend } from './backend.ts';
import { DUMP_FORMAT, dumpLine, type DumpedEvent, type DumpedSubscription, type DumpLine } from './dump-line.ts';
import type { StreamName } from './event-store.ts';
import type { LoggedEvent } from './global-log.ts';
import { restoreSubscription } from './restore-subscription.ts';

export interface Restored {
  readonly events: number;
  readonly subscriptions: number;
}

/** Events of one write: Redis serves nobody else meanwhile. */
const BATCH = 200;

function refuse(problem: string): never {
  throw new AmendsError('INVALID_INPUT', `this is no dump of events that can be restored: ${problem}`);
}

function parseLine(value: unknown, number: number): DumpLine {
  const { format } = (value ?? {}) as { readonly format?: unknown };
  if (typeof format === 'number' && format > DUMP_FORMAT) {
    refuse(`it is of format ${format}, and this version of amends knows ${DUMP_FORMAT}: upgrade the package`);
  }
  const parsed = dumpLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return refuse(`line ${number}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

function loggedEvent({ position, type, id, version, eventId, eventType, schemaVersion, data, metadata, atMs }: DumpedEvent): LoggedEvent {
  const stored = { aggregateType: type, aggregateId: id, version, eventId, eventType, schemaVersion, eventData: data, metadata };
  return { ...stored, position, keyHash: 0, timestamp: new Date(atMs) }; // the store makes its own hash
}

/**
 * Stores what a dump has, in a store that has no events yet: versions, ids, positions and times are those of the dump, and subscriptions go on
 * where they were. When it fails, what was stored so far stays: begin again in another namespace.
 *
 * @param lines Each line of the dump, parsed.
 * @throws {AmendsError} NOT_ALLOWED when there are events, or subscriptions; INVALID_INPUT when it is no whole dump
 */
export async function restoreEvents(backend: EventBackend, lines: AsyncIterable<unknown> | Iterable<unknown>): Promise<Restored> {
  const { store, log, transfer, subjectKeys, subscriptions } = backend;
  if ((await log.head()) > 0 || (await subscriptions.list()).length > 0) {
    throw new AmendsError('NOT_ALLOWED', 'there are events in this store, or were: restore into one that is new, or another namespace');
  }
  let number = 0;
  let events = 0;
  let restored = 0;
  let header: Extract<DumpLine, { kind: 'events' }> | undefined;
  let ended = false;
  let batch: LoggedEvent[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await transfer.put(batch);
    batch = [];
  };

  const take = async (line: DumpLine, known: NonNullable<typeof header>): Promise<void> => {
    switch (line.kind) {
      case 'events':
        return refuse(`line ${number}: it begins a second time`);
      case 'event':
        events++;
        batch.push(loggedEvent(line));
        if (batch.length === BATCH) await flush();
        return;
      case 'stream':
        return restoreState({ aggregateType: line.type, aggregateId: line.id }, line);
      case 'key':
        return subjectKeys.put(line.subject, { keyId: line.keyId, key: Buffer.from(line.key, 'base64') });
      case 'subscription':
        restored++;
        return restoreSubscription(backend, placed(line, known));
      case 'end':
        if (line.events !== events) refuse(`it says that it has ${line.events} events, and has ${events}`);
        ended = true;
    }
  };
  const restoreState = async (stream: StreamName, line: Extract<DumpLine, { kind: 'stream' }>): Promise<void> => {
    const head = await store.head(stream);
    // Stored after the dump had begun, or ended by its last event.
    if (head === undefined || head.state === 'tombstoned') return;
    if (line.firstVersion > 1) await store.archive(stream, { toVersion: line.firstVersion - 1 });
    if (line.state !== 'open') await store.closeStream(stream);
  };
  const placed = (line: DumpedSubscription, { hash }: NonNullable<typeof header>): DumpedSubscription => {
    if (hash === transfer.hash) return line;
    // Another kind of store puts aggregates into other partitions: all go on from where the slowest was, and what is parked is tried again.
    const slowest = Math.min(...line.positions, ...line.parked.map(({ position }) => position - 1));
    return { ...line, positions: line.positions.map(() => slowest), parked: [] };
  };

  for await (const value of lines) {
    number++;
    const line = parseLine(value, number);
    if (ended) refuse(`line ${number}: it goes on after its end`);
    if (header === undefined) {
      if (line.kind !== 'events') refuse('its first line does not say what it is');
      header = line;
      continue;
    }
    if (line.kind !== 'event' && batch.length > 0) await flush();
    if (line.kind !== 'event' && line.kind !== 'events') await transfer.putHead(header.head);
    await take(line, header);
  }
  if (!ended) refuse('its end is missing: it was cut off');
  return { events, subscriptions: restored };
}
