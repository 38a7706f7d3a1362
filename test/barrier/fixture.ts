import { afterAll, beforeAll } from 'vitest';
import type { BarrierCall, BarrierOp } from '../../src/barrier/index.ts';

export const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;
export type Isolation = (typeof LEVELS)[number];

export interface Effect {
  readonly op: string;
  readonly delta: number;
}

/** What a transaction can do on every database: parameters are `$1`, in their order. */
export interface Session {
  query(sql: string, params?: unknown[]): Promise<unknown>;
}

export type Work = (session: Session, undone: unknown) => Promise<unknown>;

/** What the operation does: +1, and -1 for its undo. */
export function effect({ gid, op }: BarrierCall): Work {
  const delta = op === 'compensate' || op === 'cancel' ? -1 : 1;
  return async (session) => {
    await session.query('INSERT INTO effects (gid, op, delta) VALUES ($1, $2, $3)', [gid, op, delta]);
    return { ref: `${op} of ${gid}` };
  };
}

let calls = 0;

/** A transaction nobody else has, and its operations. */
export function operations(gid = `gid-${++calls}`): Record<BarrierOp, BarrierCall> & { readonly gid: string } {
  const call = (op: BarrierOp): BarrierCall => ({ gid, branchId: 'debit', op, input: { cents: 100 } });
  return { gid, run: call('run'), compensate: call('compensate'), try: call('try'), confirm: call('confirm'), cancel: call('cancel') };
}

/** Opens it before the tests of this file or block, and takes it away after them. */
export function use<Opened extends { open(): Promise<void>; close(): Promise<void> }>(participant: Opened): Opened {
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
    async work(session, undone) {
      const result = await work(session, undone);
      reached.resolve();
      await gate.promise;
      return result;
    },
    reached: reached.promise,
    go: gate.resolve,
    fail: gate.reject,
  };
}
