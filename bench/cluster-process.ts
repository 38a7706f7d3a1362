// One process of a run on a cluster: its role and scenario in the environment, what to do next as messages.
import { AmendsContender } from './amends.ts';
import type { Scenario } from './scenario.ts';

/** `starter` starts sagas and waits for their outcomes, `worker` carries them out, `listener` waits for one outcome after the other, as any client might. */
export type Role = 'starter' | 'worker' | 'listener';

export interface Assignment {
  readonly role: Role;
  readonly scenario: Scenario;
}

/** `mark`: tell how far you are. `run`: start so many, and tell when they have ended. `close`: end. */
export type Ask = { readonly ask: 'mark' } | { readonly ask: 'run'; readonly count: number } | { readonly ask: 'close' };

export interface Mark {
  /** CPU time of this process so far, in microseconds. */
  readonly cpuMicros: number;
  readonly stepsDone: number;
  readonly rssBytes: number;
  /** Of `run`, in seconds. */
  readonly seconds: number;
}

const AT_ONCE = 100;

const { role, scenario } = JSON.parse(process.env['BENCH_ASSIGNMENT'] ?? '{}') as Assignment;
const contender = await AmendsContender.open(scenario);
if (role === 'worker') await contender.work();
let begun = 0;

async function run(count: number): Promise<number> {
  const from = performance.now();
  const until = begun + count;
  const lane = async (): Promise<void> => {
    while (begun < until) await contender.start(begun++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, lane));
  await contender.ended();
  return (performance.now() - from) / 1_000;
}

function mark(seconds: number): Mark {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, stepsDone: contender.counted.done, rssBytes: process.memoryUsage.rss(), seconds };
}

process.on('message', (message: Ask) => {
  void (async () => {
    if (message.ask === 'close') {
      await contender.close();
      process.disconnect?.();
      return;
    }
    process.send?.(mark(message.ask === 'run' ? await run(message.count) : 0));
  })().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.send?.(mark(0));
