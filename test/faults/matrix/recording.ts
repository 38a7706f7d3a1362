import type { JournaledEvent } from '../../../src/journal/journal.ts';
import type { Death, Unit } from './victim.ts';

/** A run without a death: what it asked of the stores, and what they say was written. */
export interface Recording {
  readonly units: readonly Unit[];
  /** Requests that changed nothing: workers that found no job, and commits that lost their race. */
  readonly idle: readonly Unit[];
  /** Statements that wrote, by the stores' own account, one for each atomic write. */
  readonly written: readonly string[];
  readonly history: readonly JournaledEvent[];
  /** The job that runs each step, in the words of the points. */
  readonly hosts: Readonly<Record<string, string>>;
  /** How the saga ended for its caller. */
  readonly end: object;
}

function counted(units: readonly Pick<Unit, 'statements'>[], of: ReadonlySet<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const statement of units.flatMap(({ statements }) => [...new Set(statements)])) {
    if (of.has(statement)) counts.set(statement, (counts.get(statement) ?? 0) + 1);
  }
  return counts;
}

/** What a worker does by the clock, after the first time: on a slow machine it comes anywhere, and there is nothing in it to lose. */
const BY_THE_CLOCK = /^(extendLocks?|update job) |^move_?stalled.*#(?!1$)|:canary#(?!1$)/i;

/**
 * Only the server knows whether it had anything to write: what the barrier finds was done before, and what the clock says for a job that is over.
 */
function mayBeIdle({ names, keys, statements }: Unit): boolean {
  if (keys.every((key) => BY_THE_CLOCK.test(key))) return true;
  return names[0]?.startsWith('participant ') === true && !statements.some((statement) => statement.startsWith('INSERT INTO effects'));
}

/**
 * Where the interceptor and the servers tell different stories: a statement that wrote more often than it was seen has gone past the
 * interceptor, and one that wrote less often was made up.
 */
export function differencesIn({ units, idle, written }: Recording): readonly string[] {
  const writing = new Set(written);
  const servers = counted(
    written.map((statement) => ({ statements: [statement] })),
    writing,
  );
  const least = counted(
    units.filter((unit) => !mayBeIdle(unit)),
    writing,
  );
  const most = counted([...units, ...idle], writing);
  return [...servers].flatMap(([statement, count]) => {
    const [from, to] = [least.get(statement) ?? 0, most.get(statement) ?? 0];
    return count >= from && count <= to ? [] : [`wrote ${count} times, seen ${from} to ${to} times: ${statement}`];
  });
}

/** The requests that changed a store, in their order. */
function writingUnits({ units, written }: Recording): readonly Unit[] {
  const writing = new Set(written);
  return units.filter(({ statements }) => statements.some((statement) => writing.has(statement)));
}

/**
 * Every death there is. A worker asks for a job without knowing which it will get, and mostly gets none: so a job's handing out has one side only,
 * and before it the store is as it was after the write that came last.
 */
export function deathsIn(recording: Recording): readonly Death[] {
  return writingUnits(recording).flatMap(({ keys, took }) => [
    ...keys
      .filter((key) => !BY_THE_CLOCK.test(key) && !/^move_?to_?active /i.test(key))
      .flatMap((key) => [{ key, side: 'before' } as const, { key, side: 'after' } as const]),
    ...took.map((taken) => ({ key: taken, side: 'after' }) as const),
  ]);
}

/** Every k-th one, as many as asked for, from a place that the seed says. */
export function slice<T>(all: readonly T[], count: number, seed: number): readonly T[] {
  const every = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, index) => index % every === seed % every).slice(0, count);
}

/** Names of the queue's writes on either store, and what they do. */
const DEEDS: readonly (readonly [RegExp, string])[] = [
  [/^add_flow .*/, 'add flow'],
  [/^addParentJob /, 'add '],
  [/^(addStandardJob|add_job) /, 'add '],
  [/^(moveToFinished|move_to_(completed|failed)(_fetch)?) /, 'finish '],
  [/^(moveToDelayed|move_to_delayed) /, 'delay '],
  [/^commit /, 'commit '],
];

/** What a request does, in words that are the same on every store. */
function deedsOf({ names, took }: Unit): readonly string[] {
  const deeds = names.flatMap((name) => {
    const deed = DEEDS.find(([pattern]) => pattern.test(name));
    return deed === undefined ? [] : [name.replace(...deed)];
  });
  return [...deeds, ...took.map((key) => key.replace(/#\d+$/, ''))];
}

/** The commits and the queue's writes that were points, sorted. To be the same as {@link deedsBehind}. */
export function deedsSeen(recording: Recording): readonly string[] {
  return writingUnits(recording).flatMap(deedsOf).sort();
}

/** What must have been written for this history to come about, sorted. */
export function deedsBehind(recording: Recording): readonly string[] {
  const { history, hosts } = recording;
  // On SQL the root and the first operation are one write.
  const together = writingUnits(recording).some(({ names }) => names.includes('add_flow root'));
  const life = (op: string, step: string): readonly string[] => [`take ${op} ${step}`, `finish ${op} ${step}`];
  const jobOf = (op: string, step: string): string => (op === 'run' ? (hosts[step] ?? '') : `${op} ${step}`);
  const deeds = history.flatMap(({ event }): readonly string[] => {
    switch (event.type) {
      case 'saga_started':
        return [`commit ${event.type}`, together ? 'add flow' : 'add root', 'take root', 'finish root'];
      case 'step_issued':
        if (jobOf('run', event.data.step) !== `run ${event.data.step}`) return []; // carried out in another job
        return [`add run ${event.data.step}`, ...life('run', event.data.step)];
      case 'compensation_issued':
        return [`add compensate ${event.data.step}`, ...life('compensate', event.data.step)];
      case 'attempt_failed': {
        const { op, step } = event.data;
        return [`commit ${event.type} ${step}`, `delay ${jobOf(op, step)}`, `take ${jobOf(op, step)}`];
      }
      case 'confirm_issued':
        return [`add confirm ${event.data.step}`, ...life('confirm', event.data.step)];
      case 'step_succeeded':
      case 'confirm_succeeded':
      case 'attempt_started':
      case 'compensation_succeeded':
        return [`commit ${event.type} ${event.data.step}`];
      case 'step_failed':
        // The root sleeps then, until all is undone.
        return [`commit ${event.type} ${event.data.step}`, ...(jobOf('run', event.data.step) === 'root' ? ['take root'] : [])];
      case 'saga_turned':
      case 'saga_completed':
      case 'saga_compensated':
      case 'verdict_reached':
      case 'tcc_confirmed':
      case 'tcc_cancelled':
        return []; // with the event before it
      default:
        throw new Error(`${event.type} is not in the history of an order that nobody disturbs`);
    }
  });
  const first = together ? deeds.findIndex((deed) => deed.startsWith('add run ')) : -1;
  return deeds.filter((_, index) => index !== first).sort();
}
