import type { Rules } from '../machine/decide.ts';
import type { Operation, State } from '../machine/state.ts';
import type { JobInHand } from '../queues/hosts.ts';
import type { Delivery, OperationJob } from '../queues/queue-port.ts';
import type { LazyLog } from '../telemetry/lazy-log.ts';

/** What a delivery asks for: one operation on one transaction. */
export interface Work {
  readonly rules: Rules;
  readonly state: State;
  readonly name: string;
  readonly op: Operation;
  readonly job: OperationJob;
  readonly log: LazyLog;
  readonly delivery: Delivery;
  /** Of the {@link Delivery.failures} those since this operation was due. */
  readonly failures: number;
  /** Its job was gone, and was put back. */
  readonly recovered: boolean;
  /** Of a fused group. */
  readonly inHand?: JobInHand | undefined;
}
