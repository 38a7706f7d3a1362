import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { AmendsError } from '../../src/errors.ts';

const LONGEST_WAIT_MS = 2_000;

/** Asks one store whether it is there. */
export type Probe = () => Promise<unknown>;

interface Health {
  readonly status: 'ok' | 'unavailable';
  readonly store: string;
  /** `ok`, or what is wrong, in words that name no address and no user: anybody may read this. */
  readonly journal: string;
  readonly queue: string;
}

export async function answerOf(name: string, probe: Probe, log: Logger): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${LONGEST_WAIT_MS} ms`), LONGEST_WAIT_MS);
  });
  try {
    return await Promise.race([probe().then(() => 'ok'), late]);
  } catch (error) {
    log.warn({ err: error }, `health: the ${name} does not answer`);
    return error instanceof AmendsError ? `failed with ${error.code}: see the log` : 'failed: see the log';
  } finally {
    clearTimeout(timer);
  }
}

/** 200 when both stores answer within 2 s, else 503 with what is wrong. Requests at the same time share one look. */
export function health(store: string, probes: { readonly journal: Probe; readonly queue: Probe }, log: Logger): RequestHandler {
  let looking: Promise<Health> | undefined;
  const look = async (): Promise<Health> => {
    const [journal, queue] = await Promise.all([answerOf('journal', probes.journal, log), answerOf('queue', probes.queue, log)]);
    return { status: journal === 'ok' && queue === 'ok' ? 'ok' : 'unavailable', store, journal, queue };
  };
  return async (_request, response) => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    const found = await looking;
    response
      .status(found.status === 'ok' ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(found);
  };
}
