import type { OrderOutcome } from '../../../examples/order/audit.ts';
import type { AmendsError } from '../../errors.ts';
import type { SagaOutcome } from '../../producers/outcome.ts';

/** How often each of some reasons was given. */
export type Reasons = Map<string, number>;

function count(reasons: Reasons, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

/** The sentence without its numbers and ids, so that equal reasons count as one. */
export function patternOf(message: string): string {
  return message.replace(/\S*\d\S*/g, '…').replace(/…(?:[ ,]*…)+/g, '…');
}

interface Issue {
  readonly path: string;
  readonly message: string;
}

function rejectionReason({ message, details }: AmendsError): string {
  const issues = details['issues'] as readonly Issue[] | undefined;
  return issues === undefined ? message : issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}

/** What became of the orders of a run. */
export class Tally {
  readonly rejected: Reasons = new Map();
  /** By the step that failed. */
  readonly compensated = new Map<string, Reasons>();
  readonly stuck: string[] = [];
  /** Of every order that has an id, for the audit. */
  readonly outcomes: OrderOutcome[] = [];
  started = 0;
  rejections = 0;
  completed = 0;
  compensations = 0;
  readonly #seen = new Set<string>();
  #example: { readonly id: string; readonly rank: number } | undefined;

  /** `false`: this order came before. */
  isNew(orderId: string): boolean {
    return this.#seen.size < this.#seen.add(orderId).size;
  }

  reject(orderId: string | undefined, error: AmendsError): void {
    this.rejections++;
    count(this.rejected, patternOf(rejectionReason(error)));
    if (orderId !== undefined) this.outcomes.push({ orderId, status: 'rejected' });
  }

  end(orderId: string, id: string, outcome: SagaOutcome<unknown>, steps: readonly string[]): void {
    this.outcomes.push({ orderId, status: outcome.status });
    if (outcome.status === 'completed') this.completed++;
    else if (outcome.status === 'compensated') {
      this.compensations++;
      const step = outcome.failedStep ?? '(cancelled)';
      const reasons = this.compensated.get(step) ?? new Map<string, number>();
      count(reasons, patternOf(outcome.reason.message));
      this.compensated.set(step, reasons);
      // The later the step that failed, the more there was to undo, and the more there is to see.
      const rank = steps.indexOf(step);
      if (rank > (this.#example?.rank ?? -1)) this.#example = { id, rank };
    } else this.stuck.push(id);
  }

  /** A saga that was undone, with as much to see as any. */
  get example(): string | undefined {
    return this.#example?.id;
  }
}
