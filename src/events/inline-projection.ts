import { AmendsError } from '../errors.ts';
import type { RecordedEvent } from './event-store.ts';
import { checkProjection, type SetupContext } from './projection.ts';

/** A read model that is written in the transaction of each append: it is never behind, and every append is slower by it. PostgreSQL only. */
export interface InlineProjection<Event = RecordedEvent> {
  readonly name: string;
  /** Counts up when its code or its tables change. A new version is made from all events before the first append; appends wait meanwhile. */
  readonly version: number;
  readonly events: readonly (string | { readonly name: string })[];
  /** Names of its tables. The view of that name shows the version that is live. */
  readonly tables: readonly string[];
  setup?(context: SetupContext): unknown;
  /** What it throws fails the append. */
  handle(event: Event, context: SetupContext): unknown;
  /** What `handle` gets in place of stored events. */
  readonly decode?: ((events: readonly RecordedEvent[]) => Promise<readonly Event[]>) | undefined;
}

export interface InlineProjections {
  /**
   * From now on the appends of this process write this read model too. Every process that appends such events must do it, before it appends.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (it is there already, a newer version is live)
   */
  add(projection: InlineProjection): Promise<void>;
}

/** @throws {AmendsError} INVALID_OPTION */
export function checkInline(projection: InlineProjection): void {
  checkProjection(projection);
  if (projection.events.length === 0) {
    throw new AmendsError('INVALID_OPTION', `projection "${projection.name}": events is empty: name the streams whose appends write it`);
  }
}

/** On Redis no code of yours can run in the step that stores an event. */
export const NO_INLINE: InlineProjections = {
  add: ({ name }) =>
    Promise.reject(
      new AmendsError(
        'NOT_ALLOWED',
        `projection "${name}" can't be inline on Redis, which runs no code of yours when it stores an event: use project(), which is a moment behind, or a store in PostgreSQL`,
      ),
    ),
};
