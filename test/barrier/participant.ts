import {
  barrier,
  isTransient,
  type BarrierCall,
  type BarrierExecutor,
  type BarrierOptions,
  type BarrierOutcome,
} from '../../src/barrier/index.ts';
import { eventually } from '../support/eventually.ts';
import { effect, type Effect, type Isolation, type Session, type Work } from './fixture.ts';

/** An open transaction, and how it ends. */
export interface OpenTransaction {
  readonly session: Session;
  readonly executor: BarrierExecutor;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A participant's database: the barrier's table, and a ledger with a row for each effect that was committed. */
export abstract class Participant {
  abstract readonly url: string;
  /** On the pool. */
  abstract readonly executor: BarrierExecutor;
  abstract open(): Promise<void>;
  abstract close(): Promise<void>;
  abstract begin(isolation: Isolation): Promise<OpenTransaction>;
  /** Outside of every transaction. */
  abstract rows<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  abstract pause(session: Session | undefined, seconds: number): Promise<void>;
  /** How many sessions wait for the lock on a slot of another transaction. */
  protected abstract countWaiting(): Promise<number>;
  /** Makes the rows of a transaction older. */
  abstract age(gid: string, scope: string, ageMs: number, op?: string): Promise<void>;

  /** The effects of a transaction, in order. */
  async effects(gid: string): Promise<Effect[]> {
    return this.rows<Effect>('SELECT op, delta FROM effects WHERE gid = $1 ORDER BY id', [gid]);
  }

  async net(gid: string): Promise<number> {
    return (await this.effects(gid)).reduce((sum, { delta }) => sum + delta, 0);
  }

  /** Waits until as many sessions wait for another transaction. */
  async waiting(sessions = 1): Promise<void> {
    await eventually(async () => {
      const count = await this.countWaiting();
      if (count !== sessions) throw new Error(`${count} sessions wait, not ${sessions}`);
    });
  }

  /** One transaction; the barrier's outcome when it was committed. */
  async once(
    call: BarrierCall,
    isolation: Isolation,
    work: Work = effect(call),
    options?: BarrierOptions,
  ): Promise<BarrierOutcome<unknown>> {
    const transaction = await this.begin(isolation);
    try {
      const outcome = await barrier(transaction.executor, call, (undone) => work(transaction.session, undone), options);
      await transaction.commit();
      return outcome;
    } catch (error) {
      await transaction.rollback();
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
