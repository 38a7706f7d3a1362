import type { Engine } from '../producers/engine.ts';
import type { Finding } from '../telemetry/alerts/alert.ts';
import type { OpenCase } from '../telemetry/alerts/cases.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';
import { stillFails } from './failing.ts';

/** More than are told one by one, so that it is seen that there are more. */
const PAGE = 200;

/** What waits for a person: of many the newest, and those that were found before. */
export async function stuckFindings({ journal }: Engine, open: readonly OpenCase[]): Promise<readonly Finding[]> {
  const { transactions } = await journal.list({ status: ['stuck'], limit: PAGE });
  const listed = new Set(transactions.map(({ id }) => id));
  const others = open.flatMap(({ transaction: id }) => (id === undefined || listed.has(id) ? [] : [id]));
  const still = others.length === 0 ? [] : (await journal.summaries(others)).filter(({ status }) => status === 'stuck');
  return [...transactions, ...still].map(({ id, saga }): Finding => {
    const text = `${saga} ${id} is stuck and needs a person: look at it with amends show ${id}`;
    return { rule: 'stuck', subject: id, saga, transaction: id, text };
  });
}

/** Subscriptions that are behind. One that is paused is so on purpose. */
export async function lagFindings({ subscriptions }: Engine, { lagAfterMs }: ResolvedRules): Promise<readonly Finding[]> {
  return (await subscriptions()).flatMap(({ name, paused, lag }): Finding[] => {
    if (paused || lag.seconds * 1_000 < lagAfterMs) return [];
    const text = `subscription "${name}" is ${lag.events} events behind, the oldest is ${Math.round(lag.seconds)} s old`;
    return [{ rule: 'lag', subject: name, text }];
  });
}

/** Of operations that were told as failing: those that still are. */
export async function failingFindings({ transactions }: Engine, open: readonly OpenCase[]): Promise<readonly Finding[]> {
  const still = await Promise.all(
    open.map(async (one) => one.transaction !== undefined && stillFails(await transactions.load(one.transaction), one)),
  );
  return open.filter((_one, place) => still[place]);
}
