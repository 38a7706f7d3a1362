import * as z from 'zod';
import { json, queryNumber, timeMs } from './common.ts';

export const historyQuery = z.strictObject({
  /** Give the events after this version. Default 0. */
  after: queryNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Default 200. */
  limit: queryNumber(1, 1_000).optional(),
});

export const historyEvent = z
  .object({ version: z.number(), atMs: timeMs, type: z.string(), data: json, /** In a person's words. */ text: z.string() })
  .meta({ id: 'HistoryEvent' });
export type HistoryEvent = z.infer<typeof historyEvent>;

/** `GET transactions/:id/history`: its events in order. */
export const historyPage = z
  .object({ events: z.array(historyEvent), /** The transaction's version. */ version: z.number(), nextAfter: z.number().nullable() })
  .meta({ id: 'HistoryPage' });
export type HistoryPage = z.infer<typeof historyPage>;
