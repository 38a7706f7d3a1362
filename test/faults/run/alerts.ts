import { engineOf } from '../../../src/amends.ts';
import type { Scene } from './scene.ts';
import { until } from './waiting.ts';

/** I8: a permanent fault is told within this long. */
const WITHIN_MS = 60_000;
const LOOKS_AFTERWARDS = 3;

async function looks({ direct }: Scene): Promise<number> {
  const job = await engineOf(direct).queues.plain.bullQueue('alerts').getJob('look');
  return job?.attemptsStarted ?? 0;
}

/** When a transaction came to wait for a person, by the store's clock. */
async function stuckAtMs({ direct }: Scene, id: string): Promise<number | undefined> {
  const history = await engineOf(direct).journal.read(id);
  return history.findLast(({ event }) => event.type === 'step_stuck' || event.type === 'compensation_stuck')?.atMs;
}

/** I8: what nothing but a person can mend is told in time; where there was no fault, nothing is told. Gives what is not so. */
export async function judgeAlerts(scene: Scene): Promise<readonly string[]> {
  const { alerts, load, stopping } = scene;
  const problems: string[] = [];
  for (const id of load.deadly) {
    const since = await stuckAtMs(scene, id);
    if (since === undefined) continue; // not stuck, which is told elsewhere
    const alert = () => alerts.alerts.find((one) => one.rule === 'stuck' && one.kind === 'raised' && one.transaction === id);
    await until(() => alert() !== undefined, { timeoutMs: Math.max(1_000, since + WITHIN_MS - Date.now()), everyMs: 200, stopping });
    const after = (alert()?.receivedAtMs ?? Infinity) - since;
    if (after > WITHIN_MS)
      problems.push(`${id} is stuck, and ${after === Infinity ? 'nobody was told' : `that was told after ${after} ms`}`);
  }
  if (alerts.forged > 0) problems.push(`${alerts.forged} alerts were not signed`);
  if (!scene.calm) return problems;
  const before = await looks(scene);
  const looked = await until(async () => (await looks(scene)) > before + LOOKS_AFTERWARDS, { timeoutMs: 30_000, everyMs: 300, stopping });
  if (!looked) problems.push('nobody looks for what people should know');
  return [...problems, ...alerts.alerts.map(({ kind, rule, text }) => `a run without faults told: ${kind} ${rule}: ${text}`)];
}
