import { setMaxListeners } from 'node:events';
import closeWithGrace from 'close-with-grace';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { reportFault } from './faults.ts';

const never = new Promise<never>(() => undefined);

function say(line: string): void {
  process.stderr.write(`amends: ${line}\n`);
}

/**
 * Works until it is done, or winds up when a signal comes: `signal` fires, the work ends by itself and says what to exit with. A second signal
 * ends the process at once.
 */
export async function interruptible(what: string, work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // every wait in flight listens
  const onSecondSignal = (): never => process.exit(EXIT.interrupted);
  const guard = closeWithGrace(
    { delay: false, logger: false, skip: ['uncaughtException', 'unhandledRejection', 'beforeExit'], onSecondSignal },
    ({ signal }) => {
      say(`${signal}: ${what}; a second signal ends at once`);
      controller.abort(new Error(`interrupted by ${signal}`));
      return never; // the work ends, and the process with it
    },
  );
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return EXIT.interrupted;
    throw error;
  } finally {
    guard.uninstall();
  }
}

/** Runs until a signal or a fault, then closes within `graceMs` and ends the process. */
export function untilSignal(close: () => Promise<void>, graceMs: number): Promise<never> {
  const onTimeout = (): never => {
    say(`not closed within ${graceMs} ms: what was in work is delivered again elsewhere`);
    process.exit(EXIT.fault);
  };
  const onSecondSignal = (): never => process.exit(EXIT.interrupted);
  closeWithGrace({ delay: graceMs, logger: false, onTimeout, onSecondSignal }, async ({ signal, err }) => {
    const code = err === undefined ? EXIT.ok : reportFault(err);
    if (signal !== undefined) say(`${signal}: finishing what is in work; a second signal ends at once`);
    await close().catch((error: unknown) => process.exit(reportFault(error)));
    process.exit(err === undefined ? code : EXIT.fault);
  });
  return never;
}
