import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError } from '../errors.ts';

/** How often a holder touches its file. */
const HEARTBEAT_MS = 2_000;
/** A holder on another machine or in another container counts as dead when its file has stood still for this long. */
const SILENCE_MS = 20_000;
/** Between the creation of a file and its content lie microseconds, unless its writer died there. */
const UNWRITTEN_MS = 500;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Where `pid` means something: machine, its boot, and the container's process namespace. */
  readonly machine: string;
  /** When the process started, where the system tells: a pid is given out again. */
  readonly processStart: string | null;
  readonly since: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return ''; // not Linux: there are none
  }
}

function thisMachine(): string {
  return [hostname(), read('/proc/sys/kernel/random/boot_id')?.trim() ?? '', processNamespace()].join(' ');
}

/** The kernel's start time of a process, field 22 of its stat; the name in field 2 may hold spaces and brackets. */
function processStart(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'; // it runs, as another user
  }
}

function isAlive({ pid, processStart: start }: Holder): boolean {
  return runs(pid) && (start === null || processStart(pid) === null || processStart(pid) === start);
}

function modifiedAtMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * Makes a folder one process's own. The lock is the file `lock.<n>` with the highest n: it names its holder, or says that it was
 * released. Taking it over means creating `lock.<n+1>`, which the file system grants to one only; whoever was slow and created a lower one
 * sees the higher one and steps back. So a lock that a killed process left needs no cleaning, and no two ever hold it.
 */
export class FolderLock {
  readonly #folder: string;
  readonly #generation: number;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(folder: string, generation: number, onLost: (error: AmendsError) => void) {
    this.#folder = folder;
    this.#generation = generation;
    this.#heartbeat = setInterval(() => this.#beat(onLost), HEARTBEAT_MS).unref();
  }

  /**
   * @param onWait told when it has to watch whether a holder on another machine still lives
   * @param onLost told when somebody took the lock over, because this process stood still for too long or its file was removed
   * @throws {AmendsError} STORE_LOCKED
   */
  static async acquire(folder: string, onWait: (message: string) => void, onLost: (error: AmendsError) => void): Promise<FolderLock> {
    for (;;) {
      const highest = generations(folder).at(-1) ?? 0;
      if (highest > 0) await waitUntilFree(folder, highest, onWait);
      const generation = highest + 1;
      if (!create(pathOf(folder, generation))) continue; // somebody was faster: look again
      const all = generations(folder);
      if (all.at(-1) !== generation) {
        rmSync(pathOf(folder, generation), { force: true });
        continue;
      }
      for (const old of all.slice(0, -1)) rmSync(pathOf(folder, old), { force: true });
      return new FolderLock(folder, generation, onLost);
    }
  }

  #isMine(): boolean {
    try {
      return generations(this.#folder).at(-1) === this.#generation;
    } catch {
      return false; // the folder is gone
    }
  }

  #beat(onLost: (error: AmendsError) => void): void {
    if (this.#isMine()) {
      const now = new Date();
      utimesSync(pathOf(this.#folder, this.#generation), now, now);
      return;
    }
    clearInterval(this.#heartbeat);
    const message = `the embedded store in ${this.#folder} was taken over by another process: this one stood still for too long, or its lock was removed`;
    onLost(new AmendsError('STORE_LOCKED', message, { details: { folder: this.#folder } }));
  }

  /** Gives the folder free. Idempotent. */
  release(): void {
    clearInterval(this.#heartbeat);
    // The file stays, so that the numbers only rise.
    if (this.#isMine()) writeFileSync(pathOf(this.#folder, this.#generation), '{"released":true}\n');
  }
}

function pathOf(folder: string, generation: number): string {
  return join(folder, `lock.${generation}`);
}

/** The numbers of the lock files there are, rising. */
function generations(folder: string): readonly number[] {
  const names = readdirSync(folder).filter((name) => /^lock\.\d+$/.test(name));
  return names.map((name) => Number(name.slice('lock.'.length))).sort((a, b) => a - b);
}

function create(path: string): boolean {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    machine: thisMachine(),
    processStart: processStart(process.pid),
    since: new Date().toISOString(),
  };
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
}

function parse(text: string | undefined): Holder | 'released' | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<Holder> & { released?: boolean };
    if (value.released === true) return 'released';
    return typeof value.pid === 'number' && typeof value.machine === 'string' ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns when this generation is released or its holder is dead; throws while it lives. */
async function waitUntilFree(folder: string, generation: number, onWait: (message: string) => void): Promise<void> {
  const path = pathOf(folder, generation);
  let holder = parse(read(path));
  for (let waitedMs = 0; holder === undefined && waitedMs < UNWRITTEN_MS; waitedMs += 50) {
    await delay(50);
    holder = parse(read(path));
  }
  if (holder === 'released') return;
  if (holder?.machine === thisMachine()) {
    if (isAlive(holder)) throw locked(folder, holder);
    return;
  }
  // Its pid says nothing here: whether it lives shows in its heartbeat. What counts is that the time changes, not whose clock is right.
  onWait(`${describe(folder, holder)}; watching for ${SILENCE_MS / 1000} s whether it still lives`);
  const seen = modifiedAtMs(path);
  if (seen === undefined) return; // a higher one has replaced it
  for (let waitedMs = 0; waitedMs < SILENCE_MS; waitedMs += HEARTBEAT_MS / 2) {
    await delay(HEARTBEAT_MS / 2);
    if (modifiedAtMs(path) !== seen) {
      const now = parse(read(path));
      if (now === 'released' || modifiedAtMs(path) === undefined) return;
      throw locked(folder, holder);
    }
  }
}

function describe(folder: string, holder: Holder | undefined): string {
  const who = holder === undefined ? 'an unknown process' : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return `the embedded store in ${folder} is held by ${holder?.pid === process.pid ? `this process, ${who}` : who}`;
}

function locked(folder: string, holder: Holder | undefined): AmendsError {
  return new AmendsError(
    'STORE_LOCKED',
    `${describe(folder, holder)}: it is for one process; stop that one, choose another folder, or set AMENDS_URL to redis://… or postgres://… for several processes`,
    { details: { folder, pid: holder?.pid, host: holder?.host } },
  );
}
