import { describe, expect, test } from 'vitest';
import type { BarrierOutcome } from '../../src/barrier/index.ts';
import { DATABASES } from './databases.ts';
import { effect, LEVELS, operations, use, type Isolation } from './fixture.ts';
import type { Participant } from './participant.ts';

const RACES = 120;

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Delivered {
  readonly op: 'run' | 'compensate';
  /** `threw`: the work failed on purpose, after its effect. */
  readonly kind: BarrierOutcome<unknown>['kind'] | 'threw';
}

const FAULT = 'a fault on purpose';

/** A few deliveries of one action and its undo at once, some of which fail, and pause in their transaction by chance. */
async function race(place: Participant, isolation: Isolation, random: () => number) {
  const { gid, ...calls } = operations();
  const deliveries = Array.from({ length: 2 + Math.floor(random() * 4) }, async (): Promise<Delivered> => {
    const op = random() < 0.55 ? 'run' : 'compensate';
    const [throws, before, after] = [random() < 0.2, random() * 0.003, random() * 0.003];
    await place.pause(undefined, before);
    try {
      const { kind } = await place.deliver(calls[op], isolation, async (session, undone) => {
        const result = await effect(calls[op])(session, undone);
        await place.pause(session, after);
        if (throws) throw new Error(FAULT);
        return result;
      });
      return { op, kind };
    } catch (error) {
      if ((error as Error).message === FAULT) return { op, kind: 'threw' };
      throw error;
    }
  });
  return { delivered: await Promise.all(deliveries), effects: (await place.effects(gid)).map(({ op }) => op), calls };
}

/** What must not have happened. */
function violations(delivered: readonly Delivered[], effects: readonly string[]): string[] {
  const count = (op: string, kind: string) => delivered.filter((one) => one.op === op && one.kind === kind).length;
  const rules: Readonly<Record<string, boolean>> = {
    'each effect once, the undo after its action': ['', 'run', 'run,compensate'].includes(effects.join()),
    'one delivery executed each effect of an action': count('run', 'executed') === (effects.includes('run') ? 1 : 0),
    'one delivery executed each effect of an undo': count('compensate', 'executed') === (effects.includes('compensate') ? 1 : 0),
    'one undo at most is empty': count('compensate', 'empty') <= 1,
    'what was barred has no effect': count('compensate', 'empty') + count('run', 'suppressed') === 0 || effects.length === 0,
    'a duplicate has an original': count('run', 'duplicate') === 0 || effects.includes('run'),
    'same input, no mismatch': count('run', 'mismatch') + count('compensate', 'mismatch') === 0,
  };
  return Object.keys(rules).filter((rule) => rules[rule] !== true);
}

const KINDS = ['run executed', 'run duplicate', 'run threw', 'run suppressed'].concat([
  'compensate executed',
  'compensate duplicate',
  'compensate threw',
  'compensate empty',
]);

describe.each(DATABASES)('%s', (_name, Database) => {
  const participant = use(new Database());

  test.each(LEVELS.map((level, i) => [level, 20_260 + i] as const))(
    `${RACES} races at %s (seed %i): no effect twice, none after its undo, and the outcomes say what happened`,
    async (level, seed) => {
      const random = randomOf(seed);
      const seen = new Set<string>();
      const broken: unknown[] = [];
      for (let i = 0; i < RACES; i++) {
        const { delivered, effects, calls } = await race(participant, level, random);
        for (const { op, kind } of delivered) seen.add(`${op} ${kind}`);
        const rules = violations(delivered, effects);
        // Whatever happened: one more undo brings it to nothing, and no action gets through any more.
        await participant.deliver(calls.compensate, level);
        const late = await participant.deliver(calls.run, level);
        if (late.kind === 'executed') rules.push('no action after the undo');
        if ((await participant.net(calls.run.gid)) !== 0) rules.push('an undo brings it to nothing');
        if (rules.length > 0) broken.push({ race: i, rules, delivered, effects });
      }
      expect(broken).toEqual([]);
      expect([...seen].sort()).toEqual(KINDS.sort());
    },
  );
});
