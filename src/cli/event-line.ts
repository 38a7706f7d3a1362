import type { RecordedEvent } from '../events/event-store.ts';
import { timestamp } from '../operations/duration.ts';
import { excerpt, printable } from '../operations/printable.ts';

const LONGEST_DATA = 200;

/** An event on a line: what it is counted by, when, what, and the beginning of its data. */
export function eventLine(event: RecordedEvent, count: number, stream = false): string {
  const { aggregateType, aggregateId, version, eventType, eventData, timestamp: at } = event;
  const where = stream ? [`${printable(aggregateType)}/${printable(aggregateId)}@${version}`] : [];
  const data = excerpt(JSON.stringify(eventData), LONGEST_DATA);
  return [String(count).padStart(6), timestamp(at.getTime()), ...where, printable(eventType), data].join('  ');
}
