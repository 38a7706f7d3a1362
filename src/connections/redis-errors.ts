// Without the client: who handles errors need not load it.
import { AmendsError } from '../errors.ts';

/** A copy without the command: its arguments hold passwords (`HELLO … AUTH`) and payloads, and loggers print them. */
export function bare(error: Error): Error {
  if (!('command' in error)) return error;
  const { code } = error as { code?: unknown };
  const copy = new Error(error.message, error.cause === undefined ? undefined : { cause: error.cause });
  copy.name = error.name;
  return typeof code === 'string' ? Object.assign(copy, { code }) : copy;
}

/** What a node of a cluster says that can't serve a slot now: its master is being replaced, or the slot is being moved. Nothing was done. */
const CLUSTER_AWAY = /^(CLUSTERDOWN|TRYAGAIN|ASK) /;

/** Passes `reply` on; when it failed because the connection did, with an error that says so. */
export async function reachable<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    if (thrown.message.includes('READONLY')) {
      const problem =
        'Redis is a read-only replica at this address, nothing was stored: wait for the failover to end, or use the address of the primary';
      throw new AmendsError('STORE_UNREACHABLE', problem, { cause: bare(thrown) });
    }
    const lost =
      thrown.name === 'MaxRetriesPerRequestError' ||
      /^(Connection is closed|Command aborted|Command timed out|Stream isn't writ)/.test(thrown.message) ||
      CLUSTER_AWAY.test(thrown.message);
    if (!lost) throw bare(thrown);
    throw new AmendsError(
      'STORE_UNREACHABLE',
      'the connection to Redis is lost, and whether the last command was carried out is not known: check that Redis runs, then try again',
      { cause: bare(thrown) },
    );
  }
}
