import { pino, type Logger } from 'pino';
import { AmendsError } from '../errors.ts';
import { jsonLines, terminal } from './terminal.ts';

function checkLevel(level: string): string {
  if (level === 'silent' || Object.hasOwn(pino.levels.values, level)) return level;
  const known = [...Object.keys(pino.levels.values), 'silent'].join(', ');
  throw new AmendsError('INVALID_OPTION', `AMENDS_LOG_LEVEL is ${JSON.stringify(level.slice(0, 40))}: give one of ${known}`);
}

/**
 * A pino logger to stderr (standard output is the application's): readable on a terminal, JSON lines elsewhere.
 *
 * @param level Default: AMENDS_LOG_LEVEL, else `warn`.
 * @throws {AmendsError} INVALID_OPTION for a level there is not
 */
export function defaultLogger(level: string = process.env.AMENDS_LOG_LEVEL ?? 'warn'): Logger {
  return pino({ name: 'amends', level: checkLevel(level) }, process.stderr.isTTY ? terminal(2) : jsonLines(pino.destination(2)));
}
