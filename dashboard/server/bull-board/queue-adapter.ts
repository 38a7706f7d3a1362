import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';

export interface QueueCard {
  /** The queue's name as Amends has it, on every store the same; BullMQ's may have the namespace before it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** The job's name with its transaction, which the id has only in an escaped form. */
function titleOf({ name, data }: { readonly name: string; readonly data: unknown }): string {
  const transaction = transactionIn(data);
  return transaction === undefined ? name : `${name} · ${transaction}`;
}

function transactionIn(data: unknown): string | undefined {
  const transaction = data !== null && typeof data === 'object' && 'transaction' in data ? data.transaction : undefined;
  return typeof transaction === 'string' ? transaction : undefined;
}

/** The transaction in the console. The pages of the board are below its own base. */
function linkOf(data: unknown): { readonly displayText: string; readonly href: string } {
  const transaction = transactionIn(data);
  return { displayText: 'Transaction', href: transaction === undefined ? '..' : `../transactions/${encodeURIComponent(transaction)}` };
}

/** One queue on the board. */
export class SagaQueueAdapter extends BullMQAdapter {
  // A finished job that is run again only finds in the journal that it is done: the button would promise more.
  override readonly allowCompletedRetries = false;
  readonly #name: string;

  constructor(queue: Queue, { name, title, description }: QueueCard) {
    super(queue, { displayName: title, description, externalJobUrl: ({ data }) => linkOf(data) });
    this.#name = name;
    this.setFormatter('name', titleOf);
  }

  override getName(): string {
    return this.#name;
  }
}
