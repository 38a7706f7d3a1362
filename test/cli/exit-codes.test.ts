import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { EXIT, EXIT_CODES_HELP } from '../../src/cli/exit-codes.ts';
import { amends, SHOP } from './command.ts';

const NOWHERE = 'redis://127.0.0.1:1';
const COMMANDS = [
  'demo',
  'worker',
  'start',
  'list',
  'show',
  'retry',
  'cancel',
  'pause',
  'resume',
  'skip',
  'terminate',
  'events',
  'dashboard',
  'migrate',
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-exit-codes-'));
  await writeFile(join(folder, 'empty.mjs'), 'export const answer = 42;\n');
  await writeFile(join(folder, 'broken.mjs'), 'throw new RangeError("broken on purpose");\n');
  await writeFile(join(folder, 'wrong.mjs'), 'export const sagas = [{ kind: "saga" }];\n');
  await writeFile(join(folder, 'typed.ts'), 'enum Colour { red }\nexport const sagas = [Colour.red];\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('help', () => {
  test('teaches: every command with a sentence, an example and the exit codes', async () => {
    const [main, ...commands] = await Promise.all([amends(['--help']), ...COMMANDS.map((command) => amends(['help', command]))]);
    expect(main).toMatchObject({ code: EXIT.ok, stderr: '' });
    for (const command of COMMANDS) expect(main.stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    for (const { code, stdout } of [main, ...commands]) {
      expect(code).toBe(EXIT.ok);
      expect(stdout).toContain(EXIT_CODES_HELP);
    }
    for (const { stdout } of commands) {
      expect(stdout).toMatch(/^Examples?:\n {2}\S/m);
      expect(stdout).toContain('--namespace');
    }
    for (const code of Object.values(EXIT)) expect(EXIT_CODES_HELP).toMatch(new RegExp(`^ {2}${code} `, 'm'));
  });

  test('the version is that of the package', async () => {
    expect(await amends(['--version'])).toMatchObject({ code: EXIT.ok, stdout: `${packageJson.version}\n` });
  });
});

describe('exit codes', () => {
  const start = (...rest: string[]): string[] => ['start', 'parcel', '--module', SHOP, ...rest];

  test.each<[string, number, () => string[], string]>([
    ['no command', EXIT.usage, () => [], 'Usage: amends'],
    ['an unknown command', EXIT.usage, () => ['bogus'], "unknown command 'bogus'"],
    ['an unknown option', EXIT.usage, () => ['list', '--bogus'], "unknown option '--bogus'"],
    ['a missing option', EXIT.usage, () => ['start', 'parcel', '--input', '-'], "required option '--module <file>'"],
    ['a number out of range', EXIT.usage, () => ['list', '--limit', '0'], 'whole number from 1 to 200'],
    ['an unknown status', EXIT.usage, () => ['list', '--status', 'running,asleep'], '"asleep" is none of running'],
    ['a tag without a value', EXIT.usage, () => ['list', '--tag', 'customer'], 'name=value'],
    ['a store of an unknown kind', EXIT.usage, () => ['list', '--url', 'mysql://x'], 'use redis://'],
    ['a URL and a folder', EXIT.usage, () => ['list', '--url', NOWHERE, '--folder', folder], 'exclude each other'],
    ['a bad namespace', EXIT.usage, () => ['list', '--url', NOWHERE, '--namespace', 'No!'], 'namespace'],
    ['a module that is not there', EXIT.usage, () => ['worker', join(folder, 'none.mjs')], 'there is no file'],
    ['a module that is a folder', EXIT.usage, () => ['worker', folder], 'give a .js or .mjs file'],
    ['a module without sagas', EXIT.usage, () => ['worker', join(folder, 'empty.mjs')], 'exports no saga'],
    ['a module whose sagas are none', EXIT.usage, () => ['worker', join(folder, 'wrong.mjs')], 'must be a list of what saga('],
    ['a saga that is not in the module', EXIT.usage, () => ['start', 'letter', '--module', SHOP, '--input', '-'], 'it has "parcel"'],
    [
      'an input that is not there',
      EXIT.usage,
      () => start('--folder', join(folder, 'store'), '--input', join(folder, 'none')),
      "none can't be read",
    ],
    ['orders that are not there', EXIT.usage, () => ['demo', '--orders', join(folder, 'none')], "none can't be read"],
    ['a file and a number of orders', EXIT.usage, () => ['demo', '--orders', 'a', '--count', '5'], 'cannot be used with option'],
    ['a Redis that is not there', EXIT.store, () => ['list', '--url', NOWHERE], 'nothing listens there'],
    ['a PostgreSQL that is not there', EXIT.store, () => ['migrate', '--url', 'postgres://127.0.0.1:1/x'], 'PostgreSQL'],
    ['an embedded store that is not there', EXIT.store, () => ['list', '--folder', join(folder, 'nothing')], 'there is no embedded store'],
  ])('%s', async (_what, code, args, message) => {
    const ended = await amends(args());
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) as string });
    expect(ended.stderr).not.toMatch(/^ +at /m);
    // Ours is one line; commander adds a second one, and shows all of the help when there is no command.
    expect(ended.stderr).toMatch(/^(?:amends: [^\n]+\n|error: [^\n]+\n\(amends help [^\n]+\n|Usage: [^]+)$/);
  });

  test('TypeScript that this Node can not load is told in a sentence', async () => {
    const { code, stderr } = await amends(['worker', join(folder, 'typed.ts')]);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain('is TypeScript');
  });

  test('looking at an embedded store does not make one', () => {
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });

  test('an unexpected fault comes with its stack; one of ours only when it is asked for', async () => {
    const fault = await amends(['worker', join(folder, 'broken.mjs')]);
    expect(fault.code).toBe(EXIT.fault);
    expect(fault.stderr).toMatch(/^amends: RangeError: broken on purpose\n +at .*broken\.mjs:1/);
    const ours = await amends(['list', '--url', NOWHERE], { env: { AMENDS_LOG_LEVEL: 'debug' } });
    expect(ours.code).toBe(EXIT.store);
    expect(ours.stderr).toMatch(/^ +at /m);
  });
});
