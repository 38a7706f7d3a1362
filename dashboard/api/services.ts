import * as z from 'zod';
import { operation, timeMs } from './common.ts';

/** A queue that plans need, over all shards. */
export const queueState = z
  .object({
    name: z.string(),
    /** `null`: the own queue of a saga, with its root jobs and inline steps. */
    service: z.string().nullable(),
    saga: z.string().nullable(),
    paused: z.boolean(),
    waiting: z.number(),
    active: z.number(),
    delayed: z.number(),
    failed: z.number(),
    /** Root jobs that wait for their steps. */
    waitingChildren: z.number(),
    /** In Bull Board, relative to where the console is mounted. One for each shard. */
    urls: z.array(z.string()),
    steps: z.array(z.object({ saga: z.string(), definitionVersion: z.number(), step: z.string(), ops: z.array(operation) })),
    /** Connections that take jobs of it; `null`: this store can't tell. */
    workers: z.number().nullable(),
    workerNames: z.array(z.string()),
  })
  .meta({ id: 'QueueState' });
export type QueueState = z.infer<typeof queueState>;

/** `GET services`. */
export const services = z
  .object({
    queues: z.array(queueState),
    /** Steps whose queue nobody takes jobs from, although jobs wait there or transactions of the saga have not ended: `no worker for charge_card`. */
    unserved: z.array(
      z.object({
        saga: z.string(),
        step: z.string(),
        service: z.string().nullable(),
        queue: z.string(),
        waiting: z.number(),
        text: z.string(),
      }),
    ),
    /** `false`: this store can't tell which workers there are. */
    knowsWorkers: z.boolean(),
    nowMs: timeMs,
  })
  .meta({ id: 'Services' });
export type Services = z.infer<typeof services>;
