import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreKind } from '../../support/stores.ts';
import type { Scenario } from './orders.mjs';

/** Where a victim dies: at which request, and on which side of it. */
export interface Death {
  readonly key: string;
  readonly side: 'before' | 'after';
}

/** See points.mjs. */
export interface Unit {
  readonly names: readonly string[];
  readonly keys: readonly string[];
  readonly statements: readonly string[];
  readonly took: readonly string[];
}

export interface VictimOptions {
  readonly store: StoreKind;
  readonly url: string;
  readonly namespace: string;
  readonly participants: string;
  readonly saga: string;
  readonly id: string;
  readonly order: Scenario;
  readonly death?: Death;
}

export interface VictimEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Where it said it died, just before. */
  readonly died?: Death;
  /** Its requests, when it lived to the end. */
  readonly units?: readonly Unit[];
  /** Those that changed nothing. */
  readonly idle?: readonly Unit[];
  readonly stderr: string;
}

const LONGEST_MS = 40_000;

/** Runs a victim to its end, of whatever kind. */
export async function runVictim(options: VictimOptions): Promise<VictimEnd> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('victim.mjs', import.meta.url)), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, AMENDS_LOG_LEVEL: 'error' },
  });
  const over = new AbortController();
  const late = delay(LONGEST_MS, undefined, { signal: over.signal }).then(
    () => child.kill('SIGTERM'), // another signal than the one it is to die of
    () => undefined,
  );
  const ended = new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  try {
    const [[code, signal], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    const said = stdout.trim() === '' ? {} : (JSON.parse(stdout) as Pick<VictimEnd, 'died' | 'units' | 'idle'>);
    return { code, signal, stderr: stderr.slice(-2_000), ...said };
  } finally {
    over.abort();
    await late;
  }
}
