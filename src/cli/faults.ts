import { CommanderError } from 'commander';
import { isAmendsError } from '../errors.ts';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts';
import { printable } from '../operations/printable.ts';

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function wantsStacks(): boolean {
  return ['debug', 'trace'].includes(process.env.AMENDS_LOG_LEVEL ?? '');
}

/** Tells an error on stderr: ours in one line, an unexpected one with its stack. Gives what to exit with. */
export function reportFault(error: unknown): ExitCode {
  // Commander has said what is wrong already; for help and version nothing is.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = isAmendsError(error) && exitCodeOf(error) !== EXIT.fault;
  process.stderr.write(`amends: ${known && !wantsStacks() ? printable(error.message) : stackOf(error)}\n`);
  return exitCodeOf(error);
}
