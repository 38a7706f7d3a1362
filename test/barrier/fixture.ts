import { randomBytes } from 'node:crypto';
import { Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import {
  barrier,
  installBarrier,
  isTransient,
  pgExecutor,
  type BarrierCall,
  type BarrierOp,
  type BarrierOptions,
  type BarrierOutcome,
} from '../../src/barrier/index.ts';
import { createPostgresPlace } from '../support/postgres-place.ts';
import { eventually } from '../support/eventually.ts';
import type { Place } from '../support/place.ts';

export const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;
export type Isolation = (typeof LEVELS)[number];

export interface Effect {
  readonly op: string;
  readonly delta: number;
}

export type Work = (client: PoolClient, undone: unknown) => Promise<unknown>;

/** A participant's database: the barrier's table, and a ledger with a row for each effect that was committed. */
export class Participant {
  #place: Place | undefined;
  #pool: Pool | undefined;

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the participant is not open yet');
    return this.#pool;
  }

  get url(): string {
    return this.#place!.url;
  }

  async open(): Promise<void> {
    this.#place = await createPostgresPlace(`barrier_${randomBytes(6).toString('hex')}`);
    this.#pool = new Pool({ connectionString: this.#place.url, max: 16 });
    this.#pool.on('error', () => undefined); // sessions that a test has killed
    await installBarrier(pgExecutor(this.#pool));
    await this.#pool.query('CREATE TABLE effects (id serial PRIMARY KEY, gid text NOT NULL, op text NOT NULL, delta int NOT NULL)');
  }

  async close(): Promise<void> {
    await this.#pool?.end();
    await this.#place?.end({ keep: false });
  }

  /** The effects of a transaction, in order. */
  async effects(gid: string): Promise<Effect[]> {
    return (await this.pool.query<Effect>('SELECT op, delta FROM effects WHERE gid = $1 ORDER BY id', [gid])).rows;
  }

  async net(gid: string): Promise<number> {
    return (await this.effects(gid)).reduce((sum, { delta }) => sum + delta, 0);
  }

  /** Waits until as many sessions wait for another transaction. */
  async waiting(sessions = 1): Promise<void> {
    await eventually(async () => {
      const { rowCount } = await this.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%txn_barrier%'`,
      );
      if (rowCount !== sessions) throw new Error(`${rowCount} sessions wait, not ${sessions}`);
    });
  }

  /** One transaction; the barrier's outcome when it was committed. */
  async once(
    call: BarrierCall,
    isolation: Isolation,
    work: Work = effect(call),
    options?: BarrierOptions,
  ): Promise<BarrierOutcome<unknown>> {
    const client = await this.pool.connect();
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      const outcome = await barrier(pgExecutor(client), call, (undone) => work(client, undone), options);
      await client.query('COMMIT');
      client.release();
      return outcome;
    } catch (error) {
      await client.query('ROLLBACK').then(
        () => client.release(),
        () => client.release(true),
      );
      throw error;
    }
  }

  /** Delivers a call: its transaction, again while others get in its way. */
  async deliver(call: BarrierCall, isolation: Isolation, work?: Work, options?: BarrierOptions): Promise<BarrierOutcome<unknown>> {
    for (;;) {
      try {
        return await this.once(call, isolation, work, options);
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
    }
  }
}

/** What the operation does: +1, and -1 for its undo. */
export function effect({ gid, op }: BarrierCall): Work {
  const delta = op === 'compensate' || op === 'cancel' ? -1 : 1;
  return async (client) => {
    await client.query('INSERT INTO effects (gid, op, delta) VALUES ($1, $2, $3)', [gid, op, delta]);
    return { ref: `${op} of ${gid}` };
  };
}

let calls = 0;

/** A transaction nobody else has, and its operations. */
export function operations(gid = `gid-${++calls}`): Record<BarrierOp, BarrierCall> & { readonly gid: string } {
  const call = (op: BarrierOp): BarrierCall => ({ gid, branchId: 'debit', op, input: { cents: 100 } });
  return { gid, run: call('run'), compensate: call('compensate'), try: call('try'), confirm: call('confirm'), cancel: call('cancel') };
}

export function useParticipant(): Participant {
  const participant = new Participant();
  beforeAll(() => participant.open());
  afterAll(() => participant.close());
  return participant;
}

/** `Promise.withResolvers` came with Node 22. */
function signal() {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<void>((resolves, rejects) => ([resolve, reject] = [resolves, rejects]));
  return { promise, resolve, reject };
}

/** Work that waits, with its effect done and not committed, until it is told to go on or to fail. */
export function held(work: Work): { readonly work: Work; readonly reached: Promise<void>; go(): void; fail(error: Error): void } {
  const reached = signal();
  const gate = signal();
  return {
    async work(client, undone) {
      const result = await work(client, undone);
      reached.resolve();
      await gate.promise;
      return result;
    },
    reached: reached.promise,
    go: gate.resolve,
    fail: gate.reject,
  };
}
