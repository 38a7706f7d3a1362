import { STATUSES, TERMINAL, type Status } from '../machine/state.ts';

/** How many transactions of a saga are in a status. */
export interface OpenCount {
  readonly saga: string;
  readonly status: Status;
  readonly count: number;
}

/** The statuses of what has not ended. */
export const OPEN: readonly Status[] = STATUSES.filter((status) => !TERMINAL.has(status));

/** The counts of several shards together. */
export function addUp(counts: readonly OpenCount[]): readonly OpenCount[] {
  const sums = new Map<string, OpenCount>();
  for (const { saga, status, count } of counts) {
    const key = `${saga} ${status}`;
    sums.set(key, { saga, status, count: count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}
