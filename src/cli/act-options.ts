import type { Command } from 'commander';
import type { Amends } from '../amends.ts';
import type { ActOptions } from '../operations/acts.ts';
import type { Act } from '../operations/possible-acts.ts';
import { printable } from '../operations/printable.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { wholeNumber } from './options.ts';
import { print } from './output.ts';

/** The options of every command that acts on one transaction. */
export interface ActCommandOptions {
  readonly reason?: string;
  readonly ifVersion?: number;
  readonly dryRun?: true;
}

/** Adds them. */
export function addActOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why; it becomes part of the history')
    .option('--dry-run', 'only say what it would lead to, and which version it has')
    .option('--if-version <n>', 'only while it has this version, as --dry-run told it', wholeNumber(1, Number.MAX_SAFE_INTEGER));
}

/** What a handle is to be told of who and why. */
export function controlOf({ reason, ifVersion }: ActCommandOptions) {
  return { ...(reason === undefined ? {} : { reason }), ...(ifVersion === undefined ? {} : { expectedVersion: ifVersion }) };
}

/** Says what an act would lead to. Exits with 1 when it is not allowed now. */
export async function preview(amends: Amends, id: string, action: Act, options: ActOptions = {}): Promise<ExitCode> {
  const [{ engineOf }, { previewAct }] = await Promise.all([import('../amends.ts'), import('../operations/acts.ts')]);
  const { allowed, text, version, before } = await previewAct(engineOf(amends), id, action, options);
  await print(`${printable(id)} is ${before.status} at version ${version}: ${allowed ? '' : 'refused: '}${printable(text)}`);
  return allowed ? EXIT.ok : EXIT.failed;
}
