import type { Plan } from '../flows/plan.ts';
import type { Operation } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { pagesOf, type TransactionRow, type Visible } from './filter.ts';
import { stuckOn, type StuckOn } from './stuck.ts';

interface InboxGroupRow {
  readonly saga: string;
  readonly kind: Plan['kind'];
  readonly step: string;
  readonly op: Operation;
  /** Of the one that is stuck longest. */
  readonly error: string;
  readonly errorGroup: string;
  readonly count: number;
  readonly oldestAtMs: number;
  readonly newestAtMs: number;
  readonly examples: { readonly id: string; readonly stuckSinceMs: number; readonly notCompensated: string[] }[];
  readonly notCompensated: Record<string, number>;
}

export interface InboxFound {
  readonly groups: InboxGroupRow[];
  readonly count: number;
  readonly truncated: boolean;
  readonly nowMs: number;
}

type Member = readonly [id: string, on: StuckOn, place: StuckOn['places'][number]];

const MOST_STUCK = 1_000;
const MOST_EXAMPLES = 5;

/**
 * What is stuck, by saga, step and kind of error; the largest group first. Looks at the 1 000 that started last.
 *
 * @param visible Default: all.
 */
export async function inboxOf(engine: Engine, visible: Visible = async (rows) => rows): Promise<InboxFound> {
  const rows: TransactionRow[] = [];
  let truncated = false;
  for await (const page of pagesOf(engine, { status: ['stuck'] })) {
    rows.push(...(await visible(page)));
    truncated = rows.length > MOST_STUCK;
    if (truncated) break;
  }
  const looked = rows.slice(0, MOST_STUCK);
  const found = await stuckOn(engine, looked);
  const groups = new Map<string, { row: TransactionRow; members: Member[] }>();
  for (const row of looked) {
    const on = found.get(row.id);
    for (const place of on?.places ?? []) {
      const key = JSON.stringify([row.saga, place.step, place.op, place.errorGroup]);
      const group = groups.get(key) ?? { row, members: [] };
      groups.set(key, group);
      group.members.push([row.id, on!, place]);
    }
  }
  const sorted = [...groups.values()].map(({ row, members }): InboxGroupRow => {
    members.sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
    const [, , place] = members[0]!;
    const left: Record<string, number> = {};
    for (const [, { notCompensated }] of members) for (const step of notCompensated) left[step] = (left[step] ?? 0) + 1;
    return {
      saga: row.saga,
      kind: row.kind,
      ...place,
      count: members.length,
      oldestAtMs: members[0]![1].sinceMs,
      newestAtMs: members.at(-1)![1].sinceMs,
      examples: members
        .slice(0, MOST_EXAMPLES)
        .map(([id, { sinceMs, notCompensated }]) => ({ id, stuckSinceMs: sinceMs, notCompensated: [...notCompensated] })),
      notCompensated: left,
    };
  });
  sorted.sort((a, b) => b.count - a.count || a.oldestAtMs - b.oldestAtMs);
  return { groups: sorted, count: found.size, truncated, nowMs: engine.clock.nowMs() };
}
