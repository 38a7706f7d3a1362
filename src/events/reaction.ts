import { createHash } from 'node:crypto';

/** Of letters, digits and the like, so that it may stand in a key, a URL and the id of a job (BullMQ takes no colon, and not digits alone). */
const PLAIN = /^[A-Za-z0-9_.~-]{1,64}$/;
const DIGITS = /^\d+$/;

/** An event's id as the id of a job: the same, or where that can't be one, the same for the same event. */
export function jobIdOf(eventId: string): string {
  if (PLAIN.test(eventId) && !DIGITS.test(eventId)) return eventId;
  return `event-${createHash('sha256').update(eventId).digest('base64url')}`;
}

/**
 * The id of what a subscription starts because of an event: a saga, a job. The same on every delivery, so that it is started once.
 *
 * @param part Tells several things apart that one event starts.
 */
export function reactionId(subscription: string, eventId: string, part?: string): string {
  const plain = part === undefined || PLAIN.test(part) ? part : createHash('sha256').update(part).digest('base64url');
  return [subscription, jobIdOf(eventId), ...(plain === undefined ? [] : [plain])].join('.');
}
