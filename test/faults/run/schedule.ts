import { setTimeout as delay } from 'node:timers/promises';
import { NETWORK_FAULTS } from './network-faults.ts';
import { QUEUE_FAULTS } from './queue-faults.ts';
import { Random } from './random.ts';
import type { Fault, Scene } from './scene.ts';
import { SERVER_FAULTS } from './server-faults.ts';
import { WORKER_FAULTS } from './worker-faults.ts';

const ALL: readonly Fault[] = [...WORKER_FAULTS, ...NETWORK_FAULTS, ...SERVER_FAULTS, ...QUEUE_FAULTS];
const PAUSE_MS = [100, 900] as const;
const MEAN_PAUSE_MS = (PAUSE_MS[0] + PAUSE_MS[1]) / 2;
/** How often a fault that bears it gets company, when each has fired once. */
const IN_COMPANY = 0.6;
/** One that found nothing to break gets so many more chances. */
const CHANCES = 4;

/** The faults of a run, in an order drawn from its seed: all there are, or as many as its time allows. */
export function faultsOf(scene: Scene, seed: number, budgetMs: number, only: readonly string[] | undefined): readonly Fault[] {
  const unknown = only?.find((name) => !ALL.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new Error(`there is no fault ${JSON.stringify(unknown)}: ${ALL.map(({ name }) => name).join(', ')}`);
  const possible = ALL.filter(({ name, on }) => (only?.includes(name) ?? true) && (on?.(scene) ?? true));
  let leftMs = budgetMs;
  return new Random(`${seed}/faults`).shuffle(possible).filter((fault) => {
    if (only !== undefined) return true;
    const takesMs = fault.takesMs(scene) + MEAN_PAUSE_MS;
    if (takesMs > leftMs) return false;
    leftMs -= takesMs;
    return true;
  });
}

/** Fires every fault of the list, then any of them again until the time is up. Counts in `fired` how often each did. */
export async function fireAll(
  scene: Scene,
  faults: readonly Fault[],
  seed: number,
  untilMs: number,
  fired: Record<string, number>,
): Promise<void> {
  if (faults.length === 0) return;
  const draw = new Random(`${seed}/repeats`);
  let number = 0;
  const fire = async (fault: Fault): Promise<number> => {
    // Each has chance of its own: what one finds does not change what another does.
    const random = new Random(`${seed}/${fault.name}/${number++}`);
    await delay(random.int(...PAUSE_MS));
    try {
      const times = await fault.fire(scene, random);
      if (times === 0) scene.say(`${fault.name}: nothing to break`);
      fired[fault.name]! += times;
      return times;
    } catch (error) {
      scene.wrong(`${fault.name} could not be brought about: ${(error as Error).stack ?? String(error)}`);
      return 0;
    }
  };
  let missed = [...faults];
  for (let chance = 0; chance <= CHANCES && missed.length > 0 && !scene.stopping.aborted; chance++) {
    const again: Fault[] = [];
    for (const fault of missed) {
      if (scene.stopping.aborted) break;
      if ((await fire(fault)) === 0) again.push(fault);
    }
    missed = again;
  }
  while (!scene.stopping.aborted) {
    const fault = draw.pick(faults);
    if (performance.now() + fault.takesMs(scene) + MEAN_PAUSE_MS > untilMs) break;
    const strikers = faults.filter(({ company }) => company === 'strikes');
    const struck = fault.company === 'bears' && strikers.length > 0 && draw.chance(IN_COMPANY);
    await Promise.all([fire(fault), ...(struck ? [fire(draw.pick(strikers))] : [])]);
  }
}
