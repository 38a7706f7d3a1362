import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order } from './order.ts';
import { NOTHING, together, type Contender, type Counted } from './scenario.ts';

const STARTS_AT_ONCE = 100;

/** Transactions to start: `count` of them, numbered from `from`. */
interface Share {
  readonly from: number;
  readonly count: number;
}

interface Ask {
  readonly share: Share | undefined;
}

export async function startMany(contender: Contender, { from, count }: Share, atOnce = STARTS_AT_ONCE): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) await contender.start(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Starts a share and waits for its ends; `undefined`: nothing to start. Answers with what this process has carried out since it began. */
async function take(contender: Contender, share: Share | undefined): Promise<Counted> {
  if (share !== undefined) {
    await startMany(contender, share);
    await contender.ended();
  }
  return contender.counted;
}

/** In a process that was forked for it: does its share of what the first process asks for, until it is killed. */
export async function bePeer(contender: Contender): Promise<void> {
  process.once('SIGTERM', () => process.exit(0));
  process.on('message', ({ share }: Ask) => {
    void take(contender, share).then(
      (counted) => process.send?.(counted),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  await contender.work();
  process.send?.(NOTHING);
}

/** Another process that works, and starts its share. */
class Peer {
  readonly #child: ChildProcess;
  readonly #exited: Promise<never>;

  private constructor(order: Order) {
    this.#child = fork(fileURLToPath(new URL('measure.js', import.meta.url)), {
      env: { ...process.env, BENCH_ORDER: JSON.stringify({ ...order, measures: ['peer'] } satisfies Order) },
    });
    this.#exited = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`a process beside the first one ended with ${String(code)}`);
    });
    this.#exited.catch(() => undefined);
  }

  static async open(order: Order): Promise<Peer> {
    const peer = new Peer(order);
    await peer.#answer();
    return peer;
  }

  take(share?: Share): Promise<Counted> {
    this.#child.send({ share } satisfies Ask); // what is undefined is not sent
    return this.#answer();
  }

  async close(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited.catch(() => undefined);
  }

  async #answer(): Promise<Counted> {
    const [counted] = (await Promise.race([once(this.#child, 'message'), this.#exited])) as [Counted];
    return counted;
  }
}

/** As many processes as a run has, this one among them: each starts its share, and all work on whatever was started. */
export class Peers {
  readonly #contender: Contender;
  readonly #others: readonly Peer[];

  private constructor(contender: Contender, others: readonly Peer[]) {
    this.#contender = contender;
    this.#others = others;
  }

  static async open(order: Order, contender: Contender): Promise<Peers> {
    const others = await Promise.all(Array.from({ length: order.processes - 1 }, () => Peer.open(order)));
    await contender.work();
    return new Peers(contender, others);
  }

  /** Resolves when all have ended. */
  async run({ from, count }: Share): Promise<void> {
    const processes = this.#others.length + 1;
    const begins = (process: number): number => from + Math.floor((count * process) / processes);
    const share = (process: number): Share => ({ from: begins(process), count: begins(process + 1) - begins(process) });
    const others = this.#others.map((peer, index) => peer.take(share(index + 1)));
    await Promise.all([take(this.#contender, share(0)), ...others]);
  }

  /** What all processes have carried out since they began. Asked when all have ended: until then one may carry out what another started. */
  async counted(): Promise<Counted> {
    return together([this.#contender.counted, ...(await Promise.all(this.#others.map((peer) => peer.take())))]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#others.map((peer) => peer.close()));
  }
}
