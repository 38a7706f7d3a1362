import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Amends } from '../../../src/amends.ts';
import { PART_VARIABLE, play, type Part, type Word } from './roles.ts';

/** Compiled, or in the tests as it is. */
const PROGRAM = import.meta.url.endsWith('.ts') ? ['../../support/run-typescript.mjs', './player.ts'] : ['./player.js'];
const [script = '', ...args] = PROGRAM.map((path) => fileURLToPath(new URL(path, import.meta.url)));

export interface Player {
  /** Resolves when it has a step in work. */
  readonly begun: Promise<void>;
  /** In a process: SIGKILL. In ours: it is closed. */
  kill(): Promise<void>;
  /** As a deployment stops it. */
  stop(): Promise<void>;
}

/** Of a store for several processes. Resolves when it does its part. */
export async function startProcess(part: Part, log: string): Promise<Player> {
  const output = openSync(log, 'a');
  const child = fork(script, args, {
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, [PART_VARIABLE]: JSON.stringify(part) },
    // Ctrl-C must reach the runner first.
    detached: true,
  });
  closeSync(output);
  child.on('error', () => undefined);
  const heard = (word: Word): Promise<void> =>
    new Promise((resolve) => child.on('message', (message: Word) => message === word && resolve()));
  const [ready, begun, gone] = [heard('ready'), heard('begun'), once(child, 'exit')];
  await Promise.race([
    ready,
    gone.then(() => {
      throw new Error(`a ${part.role} ended before it was ready: see ${log}`);
    }),
  ]);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await gone;
  };
  return { begun, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** Of the embedded store, which is for one process: in this one. */
export async function startHere(amends: Amends, part: Part): Promise<Player> {
  let begin: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const close = await play(amends, part, (word) => word === 'begun' && begin?.());
  return { begun, kill: close, stop: close };
}
