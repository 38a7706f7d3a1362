import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SETTINGS_VARIABLE, type FromWorker, type Point, type ToWorker, type WorkerSettings } from './signals.ts';

const script = fileURLToPath(new URL('./worker.js', import.meta.url));
const clockSkew = new URL('./clock-skew.js', import.meta.url).href;

/** A worker has stopped at a point where it was asked to. */
export interface Reached {
  readonly member: Member;
  readonly point: Point;
  readonly key: string;
}

/** One place of the fleet: a worker process, and after its death the next one. */
export class Member {
  readonly settings: WorkerSettings;
  readonly #fleet: Fleet;
  readonly #log: string;
  #child: ChildProcess | undefined;
  /** The process that is about to be killed by the payload it took. */
  #poisoned: ChildProcess | undefined;
  #skewMs = 0;
  /** It is to be started again when it ends. */
  #wanted = false;
  readonly inWork = new Set<string>();
  ready = false;
  /** Operations begun by its present process. */
  begun = 0;
  /** By all its processes. */
  begunEver = 0;

  constructor(fleet: Fleet, settings: WorkerSettings, log: string) {
    this.#fleet = fleet;
    this.settings = settings;
    this.#log = log;
  }

  get index(): number {
    return this.settings.index;
  }

  start(skewMs = 0): void {
    this.#wanted = true;
    this.#skewMs = skewMs;
    this.#spawn();
  }

  tell(message: ToWorker): void {
    if (this.#child?.connected === true) this.#child.send(message, () => undefined);
  }

  /** Pauses (SIGSTOP) or continues (SIGCONT) the process. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  /** SIGKILL. Another process takes its place at once, unless `forGood`. */
  async kill({ forGood = false }: { readonly forGood?: boolean } = {}): Promise<void> {
    const child = this.#child;
    if (forGood) this.#wanted = false;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#fleet.lose(this);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** SIGTERM, as a deployment does, and another process in its place. Gives how it ended: 0 in good order, `poisoned` by a payload that kills. */
  async replace(withinMs: number, skewMs = 0): Promise<number | string> {
    const child = this.#child;
    this.#wanted = false;
    let end: number | string = 'gone before';
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit') as Promise<[number | null, string | null]>;
      child.kill('SIGTERM');
      const late = delay(withinMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
      const [code, signal] = await Promise.race([gone, late.then(() => gone)]);
      end = this.#poisoned === child ? 'poisoned' : (code ?? signal ?? 'unknown');
    }
    this.start(skewMs);
    return end;
  }

  #spawn(): void {
    if (this.#fleet.stopped) return;
    const output = openSync(this.#log, 'a');
    const child = fork(script, [], {
      execArgv: this.#skewMs === 0 ? [] : ['--import', clockSkew],
      stdio: ['ignore', output, output, 'ipc'],
      env: { ...process.env, [SETTINGS_VARIABLE]: JSON.stringify(this.settings), AMENDS_CLOCK_SKEW_MS: String(this.#skewMs) },
      // Ctrl-C must reach the runner first.
      detached: true,
    });
    closeSync(output);
    this.#child = child;
    this.begun = 0;
    child.on('message', (message: FromWorker) => this.#hear(message));
    child.on('error', () => undefined); // a message to one that is going
    child.once('exit', () => {
      if (this.#child !== child) return;
      this.ready = false;
      this.inWork.clear();
      if (!this.#wanted) return;
      // One that finds no store ends at once: not again and again.
      void delay(300).then(() => this.#wanted && this.#child === child && this.#spawn());
    });
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        return;
      case 'begin':
        this.begun++;
        this.begunEver++;
        this.inWork.add(message.key);
        this.#fleet.begun(message.key);
        return;
      case 'end':
        this.inWork.delete(message.key);
        return;
      case 'deadly':
        this.#poisoned = this.#child;
        this.#fleet.lose(this);
        this.#fleet.deadly++;
        return;
      case 'conflict':
        this.#fleet.conflicts++;
        return;
      case 'reached':
        this.#fleet.reached({ member: this, point: message.point, key: message.key });
    }
  }
}

/** The worker processes of a run. */
export class Fleet {
  readonly members: readonly Member[];
  /** Milliseconds from the kill of a worker to the next call of each operation it had in work. */
  readonly recoveriesMs: number[] = [];
  stopped = false;
  conflicts = 0;
  deadly = 0;
  readonly #lost = new Map<string, number>();
  #waiting: ((reached: Reached) => void) | undefined;

  constructor(settings: readonly WorkerSettings[], logOf: (index: number) => string) {
    this.members = settings.map((one) => new Member(this, one, logOf(one.index)));
  }

  /** Stops the next worker that passes through this point, and gives it. `undefined`: none came in time. */
  async stopAt(point: Point, timeoutMs: number): Promise<Reached | undefined> {
    const stopped = new Promise<Reached>((resolve) => {
      this.#waiting = resolve;
    });
    // Told again and again: a process that is started meanwhile has to know as well.
    const arm = setInterval(() => this.#tellAll({ type: 'arm', point }), 250);
    this.#tellAll({ type: 'arm', point });
    const late = new AbortController();
    try {
      return await Promise.race([stopped, delay(timeoutMs, undefined, { signal: late.signal })]);
    } finally {
      late.abort();
      clearInterval(arm);
      this.#waiting = undefined;
      for (const member of this.members) if (!this.#held.has(member)) member.tell({ type: 'disarm' });
    }
  }

  readonly #held = new Set<Member>();

  /** Lets a stopped worker go on. */
  release(member: Member): void {
    this.#held.delete(member);
    member.tell({ type: 'release' });
  }

  storm(on: boolean): void {
    this.#tellAll({ type: 'storm', on });
  }

  async allReady(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.members.every(({ ready }) => ready)) {
      if (performance.now() > deadline) throw new Error(`workers are not ready within ${timeoutMs} ms: see their logs`);
      await delay(50);
    }
  }

  /** For good: a fault that is still under way can't bring one back. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(
      this.members.map((member) => {
        member.signal('SIGCONT');
        return member.kill({ forGood: true });
      }),
    );
  }

  /** A process is about to die with all it has in work. */
  lose(member: Member): void {
    this.#held.delete(member);
    for (const key of member.inWork) this.#lost.set(key, performance.now());
  }

  begun(key: string): void {
    const lostAt = this.#lost.get(key);
    if (lostAt === undefined) return;
    this.#lost.delete(key);
    this.recoveriesMs.push(performance.now() - lostAt);
  }

  reached(reached: Reached): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) {
      reached.member.tell({ type: 'release' }); // another one was faster
      return;
    }
    this.#held.add(reached.member);
    waiting(reached);
  }

  #tellAll(message: ToWorker): void {
    for (const member of this.members) member.tell(message);
  }
}
