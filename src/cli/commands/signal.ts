import type { Command } from 'commander';
import { AmendsError } from '../../errors.ts';
import type { Amends } from '../../amends.ts';
import type { Json } from '../../flows/json.ts';
import { operator } from '../../producers/operator.ts';
import { addActOptions, controlOf, preview, type ActCommandOptions } from '../act-options.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { loadModule, type WorkerModule } from '../module.ts';
import { hintFor, type GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { printable } from '../../operations/printable.ts';

interface SignalOptions extends ActCommandOptions {
  readonly module?: string;
  readonly data: string;
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AmendsError('INVALID_OPTION', `--data is not JSON: ${printable((error as Error).message)}`, { cause: error });
  }
}

/** The contract of a signal, as the saga's own version has it. */
function signalNamed({ sagas }: WorkerModule, saga: string, version: number, name: string) {
  const definition = sagas.find((one) => one.name === saga && one.version === version);
  if (definition === undefined) {
    throw new AmendsError('UNKNOWN_DEFINITION', `the module has not saga "${printable(saga)}" version ${version}: give the one that has`);
  }
  const found = definition.signals.find((signal) => signal.name === name);
  if (found !== undefined) return found;
  const names = definition.signals.map((signal) => `"${signal.name}"`).join(', ');
  throw new AmendsError('NOT_ALLOWED', `saga "${saga}" has no signal "${printable(name)}": it waits for ${names === '' ? 'none' : names}`);
}

/** Checked by the schema of the module, if there is one. */
async function send(amends: Amends, id: string, name: string, value: unknown, module: WorkerModule | undefined, options: SignalOptions) {
  if (module !== undefined) {
    const run = amends.get(id);
    const { saga, definitionVersion } = await run.view();
    return run.signal(signalNamed(module, saga, definitionVersion, name), value, controlOf(options));
  }
  const [{ engineOf }, { act }] = await Promise.all([import('../../amends.ts'), import('../../operations/acts.ts')]);
  const { reason = 'sent from the command line', ifVersion: version } = options;
  const { changed } = await act(engineOf(amends), id, 'signal', { signal: name, data: value as Json, by: operator(), reason, version });
  return changed;
}

async function signal(id: string, name: string, _options: unknown, command: Command): Promise<void> {
  const { module: path, ...options } = command.optsWithGlobals<SignalOptions & GlobalOptions>();
  const value = parseData(options.data);
  const module = path === undefined ? undefined : await loadModule(path);
  try {
    process.exitCode = await using(options, LOOK, async (amends) => {
      if (options.dryRun === true) return preview(amends, id, 'signal', { signal: name, data: value as Json });
      const sent = await send(amends, id, name, value, module, options);
      const look = hintFor(options)(`amends show ${printable(id)}`);
      await print(`${printable(id)} ${sent ? 'has' : 'had'} signal ${printable(name)}${sent ? '' : ' before'}. Look: ${look}`);
      return EXIT.ok;
    });
  } finally {
    await module?.close();
  }
}

export function addSignal(program: Command): void {
  const command = program
    .command('signal')
    .argument('<id>', 'id of the saga')
    .argument('<signal>', 'name of the signal')
    .summary('send a signal that a saga waits for')
    .description('Sends a signal. It is delivered once; one that comes before the saga waits for it is kept.')
    .option('--module <file>', 'path of the .js or .mjs module that exports the saga, whose schema checks the data; default: unchecked')
    .option('--data <json>', 'what comes with it, as JSON', 'null');
  addActOptions(command)
    .addHelpText('after', '\nExample:\n  amends signal order-42 approval --data \'{"approvedBy":"ann"}\' --module dist/sagas.js')
    .action(signal);
}
