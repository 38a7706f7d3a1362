import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

/**
 * A pino logger to stderr (standard output is the application's): readable on a terminal, JSON lines elsewhere.
 *
 * @param level Default: AMENDS_LOG_LEVEL, else `warn`.
 */
export function defaultLogger(level: string = process.env.AMENDS_LOG_LEVEL ?? 'warn'): Logger {
  const stream = process.stderr.isTTY ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname,name' }) : pino.destination(2);
  return pino({ name: 'amends', level }, stream);
}
