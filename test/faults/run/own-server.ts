import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, statfsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** Room on the small disk of a server; the memory is taken only as it is used. */
const DISK_MB = 512;
const START_MS = 60_000;

/** A TCP port of the loopback interface that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A disk of its own in memory, that can be made too small. `undefined`: this machine does not let us mount one. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async mount(folder: string): Promise<SmallDisk | undefined> {
    mkdirSync(folder, { recursive: true });
    if (process.getuid?.() !== 0) return undefined;
    try {
      await execute('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'amends-faults', folder]);
      return new SmallDisk(folder);
    } catch {
      return undefined;
    }
  }

  /** No byte more goes on it. */
  async fill(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { blocks, bfree, bsize } = statfsSync(this.folder);
      try {
        return await this.#resize(`${(blocks - bfree) * bsize}`);
      } catch (error) {
        if (tries === 20) throw error; // more was written between the look and the cut
      }
    }
  }

  async free(): Promise<void> {
    await this.#resize(`${DISK_MB}m`);
  }

  async unmount(): Promise<void> {
    await execute('umount', ['-l', this.folder]);
  }

  async #resize(size: string): Promise<void> {
    await execute('mount', ['-o', `remount,size=${size}`, this.folder]);
  }
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly spawn: SpawnOptions;
  readonly log: string;
  /** Rejects unless it answers. */
  readonly ping: () => Promise<void>;
  /** Ends it in good order. */
  readonly stopSignal: NodeJS.Signals;
}

/** A server of our own, which may be killed and comes back with what it had on its disk. */
export class OwnServer {
  readonly url: string;
  readonly disk: SmallDisk | undefined;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #stopped = false;

  constructor(url: string, disk: SmallDisk | undefined, options: ServerOptions) {
    this.url = url;
    this.disk = disk;
    this.#options = options;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when it answers. One that ends at once (its predecessor's processes are not all gone) is started again. */
  async start(): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      if (this.#stopped) throw new Error('the run is over');
      if (!this.running) this.#spawn();
      try {
        return await this.#options.ping();
      } catch (error) {
        if (performance.now() > deadline)
          throw new Error(`${this.#options.command} did not come up, see ${this.#options.log}`, { cause: error });
        await delay(100);
      }
    }
  }

  /** Resolves when the process is gone. `false`: it was gone before. */
  async end(signal: NodeJS.Signals): Promise<boolean> {
    const child = this.#child;
    if (child === undefined || !this.running) return false;
    const gone = once(child, 'exit');
    child.kill(signal);
    const late = delay(10_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
    await Promise.race([gone, late.then(() => gone)]);
    return true;
  }

  /** For good: a fault that is still under way can't bring it back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.end(this.#options.stopSignal);
    await this.disk?.unmount();
  }

  #spawn(): void {
    const { command, args, log } = this.#options;
    // A process group of its own: Ctrl-C must reach the runner first.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...this.#options.spawn });
    const output = createWriteStream(log, { flags: 'a' });
    child.stdout?.pipe(output, { end: false });
    child.stderr?.pipe(output, { end: false });
    child.once('error', (error) => output.end(`${error.message}\n`));
    child.once('close', (code, signal) => output.end(`ended with ${code ?? signal}\n`));
    this.#child = child;
  }
}
