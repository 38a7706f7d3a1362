import { setTimeout as delay } from 'node:timers/promises';
import type { FaultCounts, FaultProxy } from '../proxy.ts';
import type { Random } from './random.ts';
import { randomMember, storeLines, type Fault, type Scene } from './scene.ts';
import { until } from './waiting.ts';

interface Disturbance {
  readonly name: string;
  /** Which line of the network. */
  readonly between: 'store' | 'books';
  /** How long, in milliseconds. */
  readonly forMs: readonly [number, number];
  readonly begin: (line: FaultProxy, random: Random) => void;
  readonly end?: (line: FaultProxy) => void;
  /** By what to tell that it happened. */
  readonly counts: keyof FaultCounts;
}

function linesOf(
  { between }: Disturbance,
  scene: Scene,
  random: Random,
): { readonly lines: readonly FaultProxy[]; readonly whose: string } {
  if (between === 'store') return storeLines(scene, random);
  const { index } = randomMember(scene, random);
  return { lines: [scene.lines[index]!.books], whose: `of worker ${index}` };
}

/** Something that is done to lines for a while. */
function disturbance(what: Disturbance): Fault {
  const { name, counts, forMs } = what;
  return {
    name,
    company: 'bears',
    takesMs: () => (forMs[0] + forMs[1]) / 2,
    async fire(scene, random) {
      const { lines, whose } = linesOf(what, scene, random);
      const durationMs = random.int(...forMs);
      const before = lines.map((line) => line.counts[counts]);
      scene.say(`${name} ${whose} for ${durationMs} ms`);
      for (const line of lines) what.begin(line, random);
      await delay(durationMs);
      const happened = lines.filter((line, at) => line.counts[counts] > before[at]!).length;
      for (const line of lines) {
        line.pass();
        what.end?.(line);
      }
      return happened > 0 ? 1 : 0;
    },
  };
}

/** Something that happens to certain requests: each line that is concerned waits for one. */
function atRequest(
  name: string,
  between: 'store' | 'books',
  { texts, arm, counts }: { texts: readonly string[]; arm: (line: FaultProxy, to: string) => void; counts: keyof FaultCounts },
): Fault {
  const what = { name, between, forMs: [0, 0], begin: () => undefined, counts } as const;
  return {
    name,
    company: 'bears',
    takesMs: () => 1_500,
    async fire(scene, random) {
      const { lines, whose } = linesOf(what, scene, random);
      const text = random.pick(texts);
      const before = lines.map((line) => line.counts[counts]);
      const happened = (): number => lines.filter((line, at) => line.counts[counts] > before[at]!).length;
      for (const line of lines) arm(line, text);
      await until(() => happened() > 0, { timeoutMs: 8_000, everyMs: 10, stopping: scene.stopping });
      await delay(500); // the others' turn
      for (const line of lines) line.pass();
      scene.say(`${name} ${whose} at ${text}: ${happened()} times`);
      return happened();
    },
  };
}

/** What a commit of the journal has in it, on both stores. */
const JOURNAL = ['step_succeeded', 'compensation_succeeded', 'step_issued'];

export const NETWORK_FAULTS: readonly Fault[] = [
  disturbance({
    name: 'store-latency',
    between: 'store',
    forMs: [2_000, 4_000],
    begin: (line, random) => line.delay(random.int(30, 200)),
    counts: 'delayed',
  }),
  disturbance({ name: 'store-freeze', between: 'store', forMs: [2_000, 5_000], begin: (line) => line.freeze(), counts: 'held' }),
  disturbance({ name: 'store-away', between: 'store', forMs: [1_000, 3_000], begin: (line) => line.refuse(), counts: 'refused' }),
  disturbance({ name: 'store-cut', between: 'store', forMs: [300, 600], begin: (line) => line.cut(), counts: 'cut' }),
  disturbance({
    name: 'store-half-open',
    between: 'store',
    forMs: [2_000, 5_000],
    begin: (line) => line.halfOpen(),
    end: (line) => line.cut(),
    counts: 'swallowed',
  }),
  atRequest('store-reply-lost', 'store', {
    texts: JOURNAL,
    arm: (line, to) => line.dropReplies(1, { to }),
    counts: 'droppedReplies',
  }),
  atRequest('store-cut-before-commit', 'store', { texts: JOURNAL, arm: (line, to) => line.cutRequests(1, { to }), counts: 'cutRequests' }),
  atRequest('books-reply-lost-at-commit', 'books', {
    texts: ['COMMIT'],
    arm: (line, to) => line.dropReplies(1, { to }),
    counts: 'droppedReplies',
  }),
  atRequest('books-cut-before-commit', 'books', {
    texts: ['COMMIT'],
    arm: (line, to) => line.cutRequests(1, { to }),
    counts: 'cutRequests',
  }),
  disturbance({ name: 'books-freeze', between: 'books', forMs: [2_000, 5_000], begin: (line) => line.freeze(), counts: 'held' }),
  disturbance({
    name: 'books-half-open',
    between: 'books',
    forMs: [2_000, 5_000],
    begin: (line) => line.halfOpen(),
    end: (line) => line.cut(),
    counts: 'swallowed',
  }),
];
