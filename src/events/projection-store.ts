import type { SqlExecutor } from '../connections/sql.ts';
import type { Handover } from './checkpoint.ts';

export interface ProjectionVersion {
  readonly name: string;
  readonly version: number;
  /** It is the one that is read. */
  readonly live: boolean;
  /** How far the version before had come when this one took over; `undefined`: it has not begun to. */
  readonly handover: readonly Handover[] | undefined;
}

/** What is needed of a projection to make, show and drop its read model. */
export interface ReadModel {
  readonly name: string;
  readonly version: number;
  /** Names of its tables (PostgreSQL) or keys (Redis), without the version. */
  readonly tables: readonly string[];
}

/** The versions of the read models in one store. */
export interface ProjectionStore {
  /** All versions there are; of one name, or of all; in the handler's transaction where there is one. */
  list(name?: string, tx?: SqlExecutor): Promise<readonly ProjectionVersion[]>;
  /** Makes a version if it is not there: `setup` creates its tables. The first one of a name is live at once. */
  create(model: ReadModel, setup: (tx: SqlExecutor | undefined) => Promise<void>): Promise<ProjectionVersion>;
  /** Where its side effects begin. The first who says it is right. */
  setHandover(model: ReadModel, handover: readonly Handover[]): Promise<void>;
  /** Makes a version the one that is read. */
  swap(model: ReadModel): Promise<void>;
  /** Deletes a version that is not live, with its tables. */
  drop(model: ReadModel): Promise<void>;
  /** Where a table of a version is: a quoted name, or a key. */
  place(model: Pick<ReadModel, 'name' | 'version'>, table: string): string;
}
