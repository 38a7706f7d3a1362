import type { BackendFactory, ConnectionOptions } from 'bullmq';
import type { SqlExecutor } from '../connections/sql.ts';

/** How BullMQ's classes are constructed on one store. */
export interface QueueBackend {
  readonly connection: ConnectionOptions;
  /** Namespaces the keys on Redis; the SQL backend has a schema instead. */
  readonly prefix: string | undefined;
  readonly factory: BackendFactory | undefined;
  /** Put before every queue's name, so that namespaces in one SQL database stay apart. */
  readonly queuePrefix: string;
  /** The connection of one worker, and how to give it up. */
  forWorker(): { readonly connection: ConnectionOptions; release(): Promise<void> };
  /** The same backend inside the caller's SQL transaction. */
  inside?(tx: SqlExecutor): QueueBackend;
}
