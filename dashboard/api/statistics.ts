import * as z from 'zod';
import { kind, name, queryNumber, status, timeMs } from './common.ts';

export const statisticsQuery = z.strictObject({
  saga: name.optional(),
  /** How far back, in milliseconds, by start. Default an hour; at most 30 days. */
  windowMs: queryNumber(60_000, 30 * 86_400_000).optional(),
});

const counts = {
  started: z.number(),
  /** Completed or confirmed. */
  succeeded: z.number(),
  /** Compensated or cancelled. */
  undone: z.number(),
  stuck: z.number(),
  terminated: z.number(),
};

export const sagaStatistics = z
  .object({
    saga: z.string(),
    kind,
    ...counts,
    byStatus: z.partialRecord(status, z.number()),
    startedPerSecond: z.number(),
    /** Of those that ended; `null`: none has. */
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    /** Undone among those that ended, 0 to 1; `null`: none has. */
    undoRate: z.number().nullable(),
  })
  .meta({ id: 'SagaStatistics' });
export type SagaStatistics = z.infer<typeof sagaStatistics>;

/**
 * `GET statistics`: of the transactions that started in the window, but of the 4,000 newest of them only: `coveredFromMs` says since when. A
 * request reads no more than their summaries, and is answered from the same look for 2 seconds.
 */
export const statistics = z
  .object({
    fromMs: timeMs,
    toMs: timeMs,
    /** Later than `fromMs` when there were more than it looks at. */
    coveredFromMs: timeMs,
    count: z.number(),
    sagas: z.array(sagaStatistics),
    /** 60 equal parts from `coveredFromMs` to `toMs`. */
    buckets: z.array(z.object({ fromMs: timeMs, ...counts })),
  })
  .meta({ id: 'Statistics' });
export type Statistics = z.infer<typeof statistics>;
