import type { Request, RequestHandler } from 'express';
import type { TransactionSummary } from '../../src/journal/journal.ts';
import type { Act } from '../../src/operations/possible-acts.ts';
import { refuse } from './refusal.ts';

/** What decides on a transaction. */
export type AboutTransaction = Pick<TransactionSummary, 'id' | 'saga' | 'status' | 'tags'>;

/** What somebody may be allowed: to look, to act on a transaction, to act on many, or to change queues in Bull Board. */
export type DashboardAction = 'view' | 'bulk' | 'queue' | Act;

/**
 * Says whether a request may do something. `transaction` is the one it is about; `undefined`: none, or whether it may be done at all, which is asked
 * first. Lists, the inbox, counts, changes and jobs leave out the transactions that `view` is refused for: it is called once for each row, so let it
 * be quick. What is added up over many (statistics, the counts of queues) and bulk acts under way are for all who may look at all.
 * Called after the credentials were checked; a viewer's are never enough to change anything.
 */
export type Authorize = (
  request: Request,
  action: DashboardAction,
  transaction: AboutTransaction | undefined,
) => boolean | Promise<boolean>;

export interface Actor {
  /** What the history of a transaction says of who did something. */
  readonly name: string;
  readonly role: 'operator' | 'viewer' | 'custom';
}

export interface AccessOptions {
  readonly authorize: Authorize | undefined;
  /** Who asks, where the app around the router knows. */
  readonly actor: ((request: Request) => string) | undefined;
  /** Of requests that no credentials were asked of. */
  readonly unknown: Actor;
}

const LONGEST_NAME = 100;

/** Who asks for something, and whether they may. */
export class Access {
  readonly #options: AccessOptions;
  readonly #actors = new WeakMap<Request, Actor>();

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Told by who checked the credentials. */
  known(request: Request, actor: Actor): void {
    this.#actors.set(request, actor);
  }

  actorOf(request: Request): Actor {
    const { actor, unknown, authorize } = this.#options;
    const { name, role } = this.#actors.get(request) ?? unknown;
    const told = actor?.(request);
    const shown = typeof told === 'string' && told.trim() !== '' ? told.trim().slice(0, LONGEST_NAME) : name;
    return { name: shown, role: role !== 'viewer' && authorize !== undefined ? 'custom' : role };
  }

  async may(request: Request, action: DashboardAction, transaction?: AboutTransaction): Promise<boolean> {
    if (action !== 'view' && this.actorOf(request).role === 'viewer') return false;
    return this.#options.authorize === undefined || (await this.#options.authorize(request, action, transaction));
  }

  /** Whether it depends on the transaction. */
  get isByTransaction(): boolean {
    return this.#options.authorize !== undefined;
  }

  /** Those of these that may be looked at. */
  async visible<T extends AboutTransaction>(request: Request, rows: readonly T[]): Promise<T[]> {
    if (!this.isByTransaction) return [...rows];
    const may = await Promise.all(rows.map((row) => this.may(request, 'view', row)));
    return rows.filter((_, i) => may[i]);
  }

  /** Refuses what may not be done; everything else goes on. */
  require(actionOf: (request: Request) => DashboardAction): RequestHandler {
    return async (request, response, next) => {
      const action = actionOf(request);
      if (await this.may(request, action)) next();
      else refuse(response, 403, action === 'view' ? 'you may not look at this' : 'you may look, but change nothing here');
    };
  }
}
