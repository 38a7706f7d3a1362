import { setTimeout as delay } from 'node:timers/promises';
import { STEP_TIMEOUT_MS } from './orders.ts';
import { randomMember, type Fault, type Scene } from './scene.ts';
import type { Point } from './signals.ts';
import { until } from './waiting.ts';

/** How long a fault waits for a worker to come where it lies in wait. */
const PATIENCE_MS = 10_000;

function killAt(name: string, points: readonly Point[]): Fault {
  return {
    name,
    company: 'strikes',
    takesMs: () => 800,
    async fire(scene, random) {
      const at = await scene.fleet.stopAt(random.pick(points), PATIENCE_MS);
      if (at === undefined) return 0;
      scene.say(`worker ${at.member.index} killed ${at.point} of ${at.key}`);
      await at.member.kill();
      return 1;
    },
  };
}

function pauseAt(name: string, points: readonly Point[], pauseMs: (scene: Scene) => number): Fault {
  return {
    name,
    company: 'strikes',
    takesMs: (scene) => pauseMs(scene) + 500,
    async fire(scene, random) {
      const at = await scene.fleet.stopAt(random.pick(points), PATIENCE_MS);
      if (at === undefined) return 0;
      at.member.signal('SIGSTOP');
      scene.say(`worker ${at.member.index} paused ${at.point} of ${at.key} for ${pauseMs(scene)} ms`);
      await delay(pauseMs(scene));
      at.member.signal('SIGCONT');
      scene.fleet.release(at.member);
      return 1;
    },
  };
}

export const WORKER_FAULTS: readonly Fault[] = [
  {
    name: 'kill-worker',
    company: 'strikes',
    takesMs: () => 500,
    async fire(scene, random) {
      const member = randomMember(scene, random);
      const busy = await until(() => member.inWork.size > 0, { timeoutMs: PATIENCE_MS, everyMs: 5, stopping: scene.stopping });
      if (!busy) return 0;
      scene.say(`worker ${member.index} killed with ${member.inWork.size} operations in work`);
      await member.kill();
      return 1;
    },
  },
  killAt('kill-before-effect', ['before-effect']),
  killAt('kill-after-commit', ['after-commit']),
  killAt('kill-mid-unwind', ['before-undo', 'after-undo']),
  pauseAt('pause-past-lock', ['before-effect', 'after-commit', 'before-undo'], ({ lockMs, stallCheckMs }) => lockMs + stallCheckMs + 500),
  pauseAt('pause-past-timeout', ['before-effect', 'after-commit', 'before-undo'], () => STEP_TIMEOUT_MS + 500),
  {
    name: 'rolling-restart',
    takesMs: () => 5_000,
    async fire(scene) {
      let replaced = 0;
      for (const member of scene.fleet.members) {
        if (!member.ready) continue;
        const end = await member.replace(15_000);
        if (end === 0) replaced++;
        else if (end !== 'poisoned')
          scene.wrong(`worker ${member.index} was told to end (SIGTERM) and ended with ${end}: it must drain and end with 0`);
        await until(() => member.ready, { timeoutMs: 10_000, stopping: scene.stopping });
      }
      scene.say(`${replaced} workers replaced one after the other`);
      return replaced === scene.fleet.members.length ? 1 : 0;
    },
  },
  {
    name: 'clock-skew',
    takesMs: () => 5_000,
    async fire(scene, random) {
      const member = randomMember(scene, random);
      const hours = random.pick([-3, -2, 2, 3]);
      await member.kill({ forGood: true });
      member.start(hours * 3_600_000);
      const working = await until(() => member.ready && member.begun >= 5, { timeoutMs: 15_000, stopping: scene.stopping });
      scene.say(`worker ${member.index} works with a clock that is off by ${hours} hours`);
      await delay(2_000);
      // What it has put off by its clock is left to the others.
      await member.kill({ forGood: true });
      member.start();
      return working ? 1 : 0;
    },
  },
  {
    name: 'deadly-payload',
    takesMs: () => 500,
    async fire(scene) {
      const before = scene.fleet.deadly;
      const id = scene.load.startDeadly();
      if (id === undefined) return 0;
      scene.say(`${id} kills every worker that takes it`);
      const killed = await until(() => scene.fleet.deadly > before, { timeoutMs: PATIENCE_MS, stopping: scene.stopping });
      return killed ? 1 : 0; // it goes on by itself until it is stuck
    },
  },
];
