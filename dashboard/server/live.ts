import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { answerOf, type Probe } from './health.ts';

/** The process answers: 200. One that does not is to be restarted; that a store is away is no reason for that. */
export const live: RequestHandler = (_request, response) => {
  response.set('Cache-Control', 'no-store').json({ status: 'ok' });
};

/**
 * Whether it can do its work now: 200, or 503 with the reasons.
 *
 * @param own What the process itself has to say against it, beside its stores.
 */
export function ready(probes: Readonly<Record<string, Probe>>, log: Logger, own: () => readonly string[] = () => []): RequestHandler {
  return async (_request, response) => {
    const answers = await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => [name, await answerOf(name, probe, log)] as const),
    );
    const reasons = [...own(), ...answers.flatMap(([name, answer]) => (answer === 'ok' ? [] : [`${name}: ${answer}`]))];
    response
      .status(reasons.length === 0 ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: reasons.length === 0 ? 'ready' : 'not ready', reasons });
  };
}
