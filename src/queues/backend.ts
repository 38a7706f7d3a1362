import type { BackendFactory, ConnectionOptions, Telemetry } from 'bullmq';
import type { SqlExecutor } from '../connections/sql.ts';

/** The connection of one worker. */
interface WorkerConnection {
  readonly connection: ConnectionOptions;
  /** Rejects what still waits for a store that is away. */
  giveUp(): Promise<void>;
  /** Gives the connection back, when the worker is closed. */
  release(): Promise<void>;
}

/** BullMQ's own telemetry, of its queues and workers. */
export type QueueTelemetry = Telemetry;

/** Ages in seconds. */
interface Kept {
  readonly age: number;
  readonly count?: number;
}

export interface Retention {
  readonly removeOnComplete: Kept;
  readonly removeOnFail: Kept;
}

/** How BullMQ's classes are constructed on one store. */
export interface QueueBackend {
  readonly connection: ConnectionOptions;
  /** Namespaces the keys on Redis; the SQL backend has a schema instead. */
  readonly prefix: string | undefined;
  readonly factory: BackendFactory;
  /** Put before every queue's name, so that namespaces in one SQL database stay apart. */
  readonly queuePrefix: string;
  /** Whether jobs are best added in one transaction, and those of several callers together. */
  readonly atomicFlows: boolean;
  /** What a worker keeps of the jobs that it finished. */
  readonly retention: Retention;
  /** What is sent before the event loop turns leaves in one write, where that is possible. */
  writeTogether?(): void;
  forWorker(): WorkerConnection;
  /** The same backend inside the caller's SQL transaction. */
  inside?(tx: SqlExecutor): QueueBackend;
}
