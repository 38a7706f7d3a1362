import type { Plan } from '../flows/plan.ts';
import type { JobOperation, StepStatus } from './state.ts';

const SAGA: Readonly<Record<JobOperation, string>> = { run: 'run', compensate: 'compensate', confirm: 'confirm', renew: 'renew' };
const TCC: Readonly<Record<JobOperation, string>> = { run: 'try', compensate: 'cancel', confirm: 'confirm', renew: 'renew' };

/** An operation in the words of its kind of transaction. */
export function operationWord({ kind }: Pick<Plan, 'kind'>, op: JobOperation): string {
  return (kind === 'tcc' ? TCC : SAGA)[op];
}

/** The status of a reservation in the words of TCC. */
export type ReservationStatus =
  | 'trying'
  | 'held'
  | 'skipped' // its `when` said no
  | 'failed'
  | 'withdrawn' // taken back before it was tried
  | 'stuck'
  | 'confirming'
  | 'confirmed'
  | 'confirm_stuck'
  | 'confirm_skipped' // given up by an operator
  | 'cancelling'
  | 'cancelled'
  | 'cancel_stuck'
  | 'cancel_skipped'; // given up by an operator

const RESERVATION: Readonly<Record<StepStatus, ReservationStatus>> = {
  issued: 'trying',
  succeeded: 'held',
  skipped: 'skipped',
  failed: 'failed',
  withdrawn: 'withdrawn',
  stuck: 'stuck',
  compensating: 'cancelling',
  compensation_stuck: 'cancel_stuck',
  compensation_skipped: 'cancel_skipped',
  compensated: 'cancelled',
  confirming: 'confirming',
  confirm_stuck: 'confirm_stuck',
  confirm_skipped: 'confirm_skipped',
  confirmed: 'confirmed',
};

export function reservationStatus(status: StepStatus): ReservationStatus {
  return RESERVATION[status];
}
