export { barrier, type BarrierOptions } from './barrier.ts';
export { barrierCall, type BarrierCall, type BarrierContext, type BarrierOp } from './call.ts';
export { barrierResult, BarrierInProgressError, BarrierMismatchError, type BarrierOutcome } from './outcome.ts';
export { isTransient, type BarrierExecutor, type BarrierRows } from './executor.ts';
export { installBarrier, type BarrierTable } from './table.ts';
export { endedIn, purgeBarrier, retentionFloorMs, type PurgeBarrierOptions, type RetentionOptions } from './purge.ts';

// One for each database client.
export type { WithBarrierOptions } from './deliver.ts';
export { pgExecutor, withBarrier } from './pg.ts';
export { drizzleExecutor } from './drizzle.ts';
export { kyselyExecutor } from './kysely.ts';
export { knexExecutor } from './knex.ts';
export { typeormExecutor } from './typeorm.ts';
export { prismaExecutor } from './prisma.ts';
export { pgliteExecutor } from './pglite.ts';
export { mysqlExecutor, withMysqlBarrier } from './mysql2.ts';

// Participants without SQL: in Redis, guard and work are one script.
export {
  BarrierTornError,
  redisBarrier,
  withRedisBarrier,
  type RedisBarrierOptions,
  type RedisRetention,
  type WithRedisBarrierOptions,
} from './redis.ts';
export type { RedisCommands, RedisWork } from './redis-script.ts';

// Participants behind HTTP.
export { idempotencyKey, type IdempotencyKeyOptions, type Middleware } from './idempotency-key.ts';
export { idempotentHandler, type HttpReply, type IdempotentHandlerOptions } from './idempotency-key-handler.ts';
export { idempotencyHeaders, parseIdempotencyKey } from './idempotency-key-header.ts';
export { barrierContextOf, type FingerprintOptions, type HttpRequest } from './idempotency-key-request.ts';
export { RequestProblem } from './idempotency-key-problem.ts';
export { pgReplies, type PgReplies, type PgRepliesOptions } from './idempotency-key-pg.ts';
export { redisReplies, type RedisRepliesOptions } from './idempotency-key-redis.ts';
export type { Begun, HeldKey, ReplyRetention, ReplyStore } from './idempotency-key-store.ts';
export type { KeptReply } from './idempotency-key-reply.ts';
