import type { Handover } from './checkpoint.ts';
import type { LoggedEvent } from './global-log.ts';

/** What to remember when the partitions that stand at `positions` are replaced by others, which begin where the last of them stands. */
export function handedOver(before: readonly Handover[], positions: readonly number[]): readonly Handover[] {
  const begin = Math.min(...positions);
  return [...before, { partitions: positions.length, positions }].filter((one) => Math.max(...one.positions) > begin);
}

/** Whether an event was handled before the number of partitions was changed. */
export function wasHandled(handover: readonly Handover[], { position, keyHash }: LoggedEvent): boolean {
  return handover.some(({ partitions, positions }) => position <= (positions[keyHash % partitions] ?? 0));
}
