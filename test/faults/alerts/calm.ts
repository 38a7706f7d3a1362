import { setTimeout as delay } from 'node:timers/promises';
import { engineOf } from '../../../src/amends.ts';
import { sleeper } from './broken.ts';
import { monthly, order, placed } from './ordinary.ts';
import type { Stage } from './stage.ts';
import { until } from '../run/waiting.ts';

const PAUSE_MS = 250;
const LONG_MS = 30_000;
const SETTLE_MS = 90_000;

export interface Calm {
  readonly completed: number;
  readonly compensated: number;
  readonly looks: number;
  /** In words; any makes the run red. */
  readonly problems: readonly string[];
}

async function looks({ client }: Stage): Promise<number> {
  return (await engineOf(client).queues.plain.bullQueue('alerts').getJob('look'))?.attemptsStarted ?? 0;
}

/**
 * Everyday work for a while: retries, orders that are refused and undo themselves, slow steps, one that sleeps, one that is paused, a
 * subscription, and a deployment in the middle. Nobody may be told anything.
 */
export async function runCalm(stage: Stage, lengthMs: number): Promise<Calm> {
  const { client, alerts, stopping, servers } = stage;
  const first = await stage.start('watcher');
  if (servers.store !== 'embedded') await stage.start('watcher');
  await stage.start('reader');
  // It takes half a minute.
  const started = lengthMs > LONG_MS ? [(await client.start(monthly, { number: 0 })).id] : [];
  const asleep = [await client.start(sleeper, { number: 0 }), await client.start(sleeper, { number: 1 })];
  await asleep[0]!.pause({ by: 'ann', reason: 'on purpose' });
  const endsAt = performance.now() + lengthMs;
  let deployment: Promise<unknown> | undefined;
  for (let number = 1; performance.now() < endsAt && !stopping.aborted; number++) {
    started.push((await client.start(order, { number })).id);
    await client.events.append(placed, 'a', [{ type: 'placed', data: { number } }], { expectedVersion: 'any' });
    if (servers.store !== 'embedded' && endsAt - performance.now() < lengthMs / 2) {
      deployment ??= stage.start('watcher').then(() => first.stop());
    }
    await delay(PAUSE_MS);
  }
  await deployment;
  const { journal } = engineOf(client);
  const statuses = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for (let at = 0; at < started.length; at += 200) {
      found.push(...(await journal.summaries(started.slice(at, at + 200))).map(({ status }) => status));
    }
    return found;
  };
  const count = async (status: string): Promise<number> => (await statuses()).filter((one) => one === status).length;
  const areDone = async (): Promise<boolean> => (await count('completed')) + (await count('compensated')) === started.length;
  const problems: string[] = [];
  if (!(await until(areDone, { timeoutMs: SETTLE_MS, everyMs: 500, stopping }))) problems.push('not everything has ended by itself');
  const before = await looks(stage);
  // What has happened last is looked at too.
  if (!(await until(async () => (await looks(stage)) > before + 2, { timeoutMs: 60_000, everyMs: 500, stopping }))) {
    problems.push('nobody looks for what people should know');
  }
  problems.push(...alerts.alerts.map(({ kind, rule, text }) => `told without a fault: ${kind} ${rule}: ${text}`));
  return { completed: await count('completed'), compensated: await count('compensated'), looks: await looks(stage), problems };
}
