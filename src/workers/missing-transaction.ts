import type { Delivery, Verdict } from '../queues/queue-port.ts';

const GRACE_MS = 500;

/**
 * What becomes of a job whose transaction is not in the journal. A start sends both at once, and they may arrive the other way round when the
 * server has just forgotten its scripts: so it is looked at once more. After that it is parked, where a person sees it.
 */
export function missingTransaction(id: string, { deliveries }: Delivery): Verdict {
  if (deliveries === 1) return { kind: 'postpone', afterMs: GRACE_MS };
  return { kind: 'failed', error: new Error(`parked: there is no transaction ${id} in the journal`) };
}
