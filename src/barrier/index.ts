export { barrier, type BarrierOptions } from './barrier.ts';
export { barrierCall, type BarrierCall, type BarrierContext, type BarrierOp } from './call.ts';
export { barrierResult, BarrierInProgressError, BarrierMismatchError, type BarrierOutcome } from './outcome.ts';
export { isTransient, type BarrierExecutor, type BarrierRows } from './executor.ts';
export { installBarrier, type BarrierTable } from './table.ts';
export { endedIn, purgeBarrier, retentionFloorMs, type PurgeBarrierOptions, type RetentionOptions } from './purge.ts';

// One for each database client.
export { pgExecutor, withBarrier, type WithBarrierOptions } from './pg.ts';
export { drizzleExecutor } from './drizzle.ts';
export { kyselyExecutor } from './kysely.ts';
export { knexExecutor } from './knex.ts';
