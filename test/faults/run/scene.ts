import type { Pool } from 'pg';
import type { Amends } from '../../../src/amends.ts';
import type { Sink } from '../../telemetry/sink.ts';
import type { FaultProxy } from '../proxy.ts';
import type { Fleet, Member } from './fleet.ts';
import type { Load } from './load.ts';
import type { OwnServer } from './own-server.ts';
import type { Random } from './random.ts';

export const STORES = ['redis', 'postgres', 'redis+postgres'] as const;
/** Where queue and journal are: both in one, or the queue in Redis and the journal in PostgreSQL. */
export type StoreChoice = (typeof STORES)[number];

/** The network between one process and the servers. */
export interface Lines {
  readonly redis: FaultProxy | undefined;
  readonly postgres: FaultProxy | undefined;
  readonly books: FaultProxy;
}

/** Everything a fault can lay hands on. */
export interface Scene {
  readonly store: StoreChoice;
  readonly redis: OwnServer | undefined;
  /** `undefined`: it is not ours to kill. */
  readonly postgres: OwnServer | undefined;
  readonly fleet: Fleet;
  /** By a worker's index; the client's last. */
  readonly lines: readonly Lines[];
  readonly load: Load;
  /** Past all proxies. */
  readonly direct: Amends;
  /** Past all proxies. */
  readonly books: Pool;
  /** URL of the server of the books, for sessions that get in the way. */
  readonly booksUrl: string;
  /** What the workers told people. */
  readonly alerts: Sink;
  /** A run without faults, in which nobody is to be told anything. */
  readonly calm: boolean;
  readonly lockMs: number;
  readonly stallCheckMs: number;
  readonly overdueAfterMs: number;
  /** Ends all waiting: the run is being stopped. */
  readonly stopping: AbortSignal;
  say(text: string): void;
  /** Something that must not be, whatever the end looks like. */
  wrong(problem: string): void;
}

/** One kind of fault. */
export interface Fault {
  readonly name: string;
  /** Where it makes sense. Default: everywhere. */
  readonly on?: (scene: Scene) => boolean;
  /** About how long it takes, in milliseconds. */
  readonly takesMs: (scene: Scene) => number;
  /** It goes well with others at the same time: `strikes` them, or `bears` to be struck. Default: neither. */
  readonly company?: 'strikes' | 'bears';
  /** Breaks something, waits, mends it. Gives how often it really happened; 0: there was nothing to break. */
  fire(scene: Scene, random: Random): Promise<number>;
}

/** The network lines that lead to the store, of whom a fault concerns: one worker, or everybody. */
export function storeLines(scene: Scene, random: Random): { readonly lines: readonly FaultProxy[]; readonly whose: string } {
  const everybody = random.chance(0.5);
  const member = random.pick(scene.fleet.members);
  const concerned = everybody ? scene.lines : [scene.lines[member.index]!];
  const lines = concerned.flatMap(({ redis, postgres }) => [redis, postgres].filter((line) => line !== undefined));
  return { lines, whose: everybody ? 'of all' : `of worker ${member.index}` };
}

export function randomMember(scene: Scene, random: Random): Member {
  return random.pick(scene.fleet.members);
}
