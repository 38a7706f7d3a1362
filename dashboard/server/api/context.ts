import type { BulkActs } from '../../../src/operations/bulk.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import type { Access } from '../access.ts';

/** What the handlers of the API work with. */
export interface ApiContext {
  readonly engine: Engine;
  readonly access: Access;
  readonly bulk: BulkActs;
  readonly traceUrl: string | undefined;
}
