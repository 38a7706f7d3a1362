import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '../../../src/workers/worker.ts';
import { eventually } from '../../support/eventually.ts';
import type { Conducts, Told } from './errand.ts';

const script = fileURLToPath(new URL('../../support/run-typescript.mjs', import.meta.url));
const worker = fileURLToPath(new URL('./worker.ts', import.meta.url));
const skewedClock = new URL('./skewed-clock.mjs', import.meta.url).href;

export interface WorkerSettings {
  readonly url: string;
  readonly namespace: string;
  readonly booksUrl: string;
  readonly schema: string;
  readonly conducts?: Conducts;
  readonly deadlineMs?: number;
  readonly worker: Omit<WorkerOptions, 'sagas'>;
}

interface ProcessOptions {
  /** Its clock is ahead by this. */
  readonly clockSkewMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

interface Heard extends Told {
  /** By this process's monotonic clock. */
  readonly at: number;
}

/** A worker in a process of its own, of the saga in errand.ts. */
export class WorkerProcess {
  readonly heard: Heard[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code]) => code as number | null);
    child.on('message', (told: Told) => this.heard.push({ ...told, at: performance.now() }));
  }

  static async start(settings: WorkerSettings, { clockSkewMs = 0, env = {} }: ProcessOptions = {}): Promise<WorkerProcess> {
    const child = fork(script, [worker, JSON.stringify(settings)], {
      execArgv: clockSkewMs === 0 ? [] : ['--import', skewedClock],
      env: { ...process.env, ...env, CLOCK_SKEW_MS: String(clockSkewMs) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = new WorkerProcess(child);
    await started.hear('ready', undefined, 30_000);
    return started;
  }

  /** When it told this first. */
  hear(what: Told['what'], of?: string, timeoutMs = 15_000): Promise<number> {
    return eventually(
      () => {
        const heard = this.heard.find((told) => told.what === what && told.of === of);
        if (heard !== undefined) return heard.at;
        throw new Error(`it has not told "${what}" of ${String(of)}, but ${JSON.stringify(this.heard)}; exit ${this.#child.exitCode}`);
      },
      { timeoutMs, everyMs: 5 },
    );
  }

  /** Lets an action that waits go on. */
  goOn(of: string): void {
    this.#child.send(of);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, when it has ended. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
