import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { engineOf } from '../../../src/amends.ts';
import { operationJob, rootJob } from '../../../src/queues/advance.ts';
import type { Alert, AlertRule } from '../../../src/telemetry/alerts/alert.ts';
import {
  confirmFails,
  killedInWork,
  nobodys,
  sleeper,
  stepFails,
  stepHangs,
  undoFails,
  undoFailsForGood,
  undoHangs,
  type BrokenSaga,
} from './broken.ts';
import { placed } from './ordinary.ts';
import type { Player } from './players.ts';
import type { Stage } from './stage.ts';
import { until } from '../run/waiting.ts';

interface Fired {
  /** When it happened, not when it was seen. */
  readonly atMs: number;
  /** Whether this alert is about it. */
  readonly tells: (alert: Alert) => boolean;
}

/** Something that nothing but a person can mend. */
export interface PermanentFault {
  readonly name: string;
  /** Where it makes sense. Default: everywhere. */
  readonly on?: (stage: Stage) => boolean;
  readonly fire: (stage: Stage) => Promise<Fired>;
}

const INPUT = { number: 1 };
const inProcesses = ({ servers }: Stage): boolean => servers.store !== 'embedded';

/** One whose participant is broken from the first: the clock runs from before its start. */
function broken(name: string, saga: BrokenSaga | typeof confirmFails, rules: readonly AlertRule[]): PermanentFault {
  return {
    name,
    async fire({ client }) {
      const atMs = Date.now();
      const { id } = await client.start(saga as BrokenSaga, INPUT);
      return { atMs, tells: ({ rule, transaction }) => rules.includes(rule) && transaction === id };
    },
  };
}

/** Takes a transaction's jobs out of the queue, also its root: nobody but the sweeper can find it again. */
async function loseJobs({ client, stopping }: Stage): Promise<Fired> {
  const { queues, transactions } = engineOf(client);
  const { id } = await client.start(sleeper, INPUT);
  const isAsleep = async (): Promise<boolean> => (await transactions.load(id))?.steps['hour']?.wait !== undefined;
  if (!(await until(isAsleep, { timeoutMs: 20_000, stopping }))) throw new Error(`${id} does not get to its sleep`);
  const job = operationJob(sleeper.plan, id, 'hour', 'run');
  const root = rootJob({ id, saga: sleeper.name });
  const areGone = async (): Promise<boolean> => {
    // Both at once: a root that loses its last child is woken, and would have it put back by whoever takes it.
    await (await queues.bullQueue(root.queue).getJob(root.jobId))?.remove({ removeChildren: true }).catch(() => undefined);
    const left = await Promise.all([queues.stateOf(job), queues.stateOf(root)]);
    return left.every((state) => state === 'missing');
  };
  if (!(await until(areGone, { timeoutMs: 20_000, stopping }))) throw new Error(`the jobs of ${id} can't be taken away`);
  return { atMs: Date.now(), tells: ({ rule }) => rule === 'sweeper' };
}

/** The only worker of a service dies with a step in work. */
async function killCourier(stage: Stage): Promise<Fired> {
  const courier = await stage.start('courier');
  const { id } = await stage.client.start(killedInWork, INPUT);
  await courier.begun;
  const atMs = Date.now();
  await courier.kill();
  return {
    atMs,
    tells: ({ rule, saga, transaction }) => rule === 'noWorker' && (transaction === id || saga === killedInWork.name),
  };
}

async function loseReader(stage: Stage): Promise<Fired> {
  const { client, stopping } = stage;
  const append = (number: number): Promise<unknown> =>
    client.events.append(placed, 'a', [{ type: 'placed', data: { number } }], { expectedVersion: 'any' });
  const reader: Player = await stage.start('reader');
  await append(1);
  const { subscriptions } = engineOf(client);
  const hasRead = async (): Promise<boolean> => (await subscriptions()).some(({ name, lag }) => name === 'reader' && lag.events === 0);
  if (!(await until(hasRead, { timeoutMs: 20_000, stopping }))) throw new Error('the reader reads nothing');
  const atMs = Date.now();
  await reader.kill();
  await append(2);
  return { atMs, tells: ({ rule, subject }) => rule === 'lag' && subject === 'reader' };
}

/** Redis is killed and comes back with what it had a while ago, as from a backup or a replica that was behind. */
async function loseWrites({ servers: { redis, folder } }: Stage): Promise<Fired> {
  const data = join(folder, 'redis', 'appendonlydir');
  const older = join(folder, 'older');
  cpSync(data, older, { recursive: true });
  await delay(12_000);
  const atMs = Date.now();
  await redis!.end('SIGKILL');
  rmSync(data, { recursive: true });
  cpSync(older, data, { recursive: true });
  await redis!.start();
  return { atMs, tells: ({ rule }) => rule === 'storeLoss' };
}

/** Side by side. */
export const FAULTS: readonly PermanentFault[] = [
  broken('an undo that fails for good', undoFailsForGood, ['stuck']),
  broken('an undo that fails again and again', undoFails, ['compensationFailing']),
  broken('an undo that hangs', undoHangs, ['compensationFailing', 'overdue']),
  broken('a confirm that fails again and again', confirmFails, ['compensationFailing']),
  broken('a step, retried for ever, that fails', stepFails, ['overdue']),
  broken('a step, retried for ever, that hangs', stepHangs, ['overdue']),
  {
    name: 'a queue that no worker takes',
    async fire({ client }) {
      const atMs = Date.now();
      const { id } = await client.start(nobodys, INPUT);
      return { atMs, tells: ({ rule, saga, transaction }) => rule === 'noWorker' && (transaction === id || saga === nobodys.name) };
    },
  },
  { name: 'the only worker killed in its step', on: inProcesses, fire: killCourier },
  { name: 'jobs that are gone', fire: loseJobs },
  { name: 'a subscriber that is gone', fire: loseReader },
];

/** When the others are told: everything else is gone with it. */
export const LAST: readonly PermanentFault[] = [
  {
    name: 'lost writes of Redis',
    on: ({ servers, client }) => servers.redis !== undefined && engineOf(client).canary !== undefined,
    fire: loseWrites,
  },
];
