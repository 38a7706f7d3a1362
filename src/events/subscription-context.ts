import type { SqlExecutor } from '../connections/sql.ts';
import { AmendsError } from '../errors.ts';
import type { HandlerStore } from './checkpoint.ts';
import type { LoggedEvent } from './global-log.ts';

/** What a handler gets beside the event. */
export interface EventContext {
  /**
   * The transaction in which the checkpoint moves (PostgreSQL): what is written by it is written exactly once. Reading it throws NOT_ALLOWED
   * where there is none.
   */
  readonly tx: SqlExecutor;
  /**
   * Redis: a command that is carried out in one step with the move of the checkpoint, exactly once. Its keys begin with `{namespace}:`. It
   * must be one that can't fail (the type of its key, the number of arguments): a script is not rolled back. NOT_ALLOWED elsewhere.
   */
  readonly write: (command: string, ...args: readonly (string | number)[]) => void;
  /** Which try this is, from 1, as far as the store knows: a process that died in it is not counted. */
  readonly attempt: number;
  /** It was parked, and is replayed now. */
  readonly replayed: boolean;
  /** Fires when the handler should end: the subscription is closed or was taken over, and what it does from now on may be done twice. */
  readonly signal: AbortSignal;
}

/** Does what is to be done for one event. It throws: the event is tried again, then parked. */
export type EventHandler<Event = LoggedEvent> = (event: Event, context: EventContext) => unknown;

/** What a handler gets in place of stored events: upcast, decrypted, typed. As many, in the same order. */
export type DecodeEvents<Event> = (events: readonly LoggedEvent[]) => Promise<readonly Event[]>;

export function contextOf(
  { tx, write }: HandlerStore,
  { attempt, replayed, signal }: Pick<EventContext, 'attempt' | 'replayed' | 'signal'>,
): EventContext {
  return {
    attempt,
    replayed,
    signal,
    get tx() {
      if (tx !== undefined) return tx;
      throw new AmendsError(
        'NOT_ALLOWED',
        'there is no transaction here: use one on a store in PostgreSQL, and leave transaction at true; on Redis give commands to write()',
      );
    },
    write(command, ...args) {
      if (write === undefined) {
        throw new AmendsError('NOT_ALLOWED', 'write() is for stores in Redis: use tx here');
      }
      write(command, ...args);
    },
  };
}
