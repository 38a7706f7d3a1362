import type { Job } from 'bullmq';
import { Gathering } from '../connections/gathering.ts';

/** A job as a backend takes it together with others. */
export type JobEntry = ReturnType<Job['toFlowEntry']>;

/** Adds jobs all or none, and tells of each its id or why it is not there. */
export type AddEntries = (entries: JobEntry[]) => Promise<[Error | null, string | number][]>;

/** Most groups of one call. */
const MOST = 64;
/** The backend's answer for a child whose parent does not exist. */
const NO_PARENT = -5;

function byRoot([a]: readonly JobEntry[], [b]: readonly JobEntry[]): number {
  const [one, other] = [a, b].map((entry) => entry?.jobData.parent?.id ?? entry?.jobId ?? '') as [string, string];
  return one < other ? -1 : Number(one > other);
}

function refusalOf({ jobId }: JobEntry, answer: string | number): Error | undefined {
  if (typeof answer === 'string' || answer >= 0) return undefined;
  const problem = answer === NO_PARENT ? 'its root is gone' : `the queue says ${answer}`;
  return new Error(`job ${jobId} was not added: ${problem}; the sweeper of a worker puts back what the journal asks for`);
}

/**
 * Adds groups of jobs (a root with its first children, a child of a root that is there), those that come while others are under way together. On
 * PostgreSQL each transaction that wakes somebody commits behind the one before it: the fewer of them, the more jobs.
 */
export function gatherJobs(add: AddEntries): (group: readonly JobEntry[]) => Promise<void> {
  const gathering = new Gathering<readonly JobEntry[], Error | undefined>({
    async send(groups) {
      // The rows of the roots are locked: in one order everywhere, or two processes could each hold what the other one waits for.
      const entries = [...groups].sort(byRoot).flat();
      const answers = await add(entries);
      const refusals = new Map(
        entries.map((entry, place) => {
          const [error, answer] = answers[place]!;
          if (error !== null) throw error; // all of them
          return [entry, refusalOf(entry, answer)];
        }),
      );
      return groups.map((group) => group.map((entry) => refusals.get(entry)).find((refusal) => refusal !== undefined));
    },
    most: MOST,
    isDefinite: () => true, // to add a job twice is harmless
  });
  return async (group) => {
    const refusal = await gathering.add(group);
    if (refusal !== undefined) throw refusal;
  };
}
