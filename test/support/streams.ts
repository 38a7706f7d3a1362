import { randomUUID } from 'node:crypto';
import type { Json } from '../../src/flows/json.ts';
import type { EventStore, NewEvent, ReadOptions, RecordedEvent, StreamName } from '../../src/events/event-store.ts';

/** A stream that no other test has. */
export function freshStream(aggregateType = 'order'): StreamName {
  return { aggregateType, aggregateId: `order-${randomUUID()}` };
}

/** An event with an id, so that it can be appended again. */
export function event(eventData: Json = {}, eventType = 'order_created'): NewEvent & { readonly eventId: string } {
  return { eventId: randomUUID(), eventType, eventData };
}

export function batch(size: number, firstNumber = 1): (NewEvent & { readonly eventId: string })[] {
  return Array.from({ length: size }, (_, i) => event({ number: firstNumber + i }));
}

export async function readAll(events: EventStore, stream: StreamName, options?: ReadOptions): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const recorded of events.read(stream, options)) all.push(recorded);
  return all;
}

export async function versionsOf(events: EventStore, stream: StreamName, options?: ReadOptions): Promise<number[]> {
  return (await readAll(events, stream, options)).map(({ version }) => version);
}

export async function dataOf(events: EventStore, stream: StreamName): Promise<Json[]> {
  return (await readAll(events, stream)).map(({ eventData }) => eventData);
}

/** 1, 2, … count */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
