import { createHash } from 'node:crypto';
import { ALERT_RULES, type Alert, type AlertRule, type Finding } from './alert.ts';

/** A case that was raised and is not over. */
export interface OpenCase extends Finding {
  readonly sinceMs: number;
  /** When it was found last. */
  readonly seenMs: number;
  readonly toldMs: number;
  /** Alerts of it so far. */
  readonly told: number;
}

export type OpenCases = Readonly<Record<string, OpenCase>>;

export interface Following {
  readonly nowMs: number;
  readonly repeatAfterMs: number;
  /** What is not found for this long is over: it may come and go. */
  readonly quietMs: number;
  readonly namespace: string;
}

export interface Followed {
  readonly cases: OpenCases;
  readonly alerts: readonly { readonly alert: Alert; readonly number: number }[];
}

export function keyOf({ rule, subject }: Pick<Finding, 'rule' | 'subject'>): string {
  return `${rule}/${subject}`;
}

/** From what it is about and since when: whoever tells it twice tells the same. */
function caseId(key: string, sinceMs: number): string {
  return createHash('sha256').update(`${key}@${sinceMs}`).digest('base64url').slice(0, 22);
}

/** Cases of one rule that are told one by one. What there is beyond them is one more. */
const MOST_CASES = 50;
const MANY = 'many';

function manyOf(rule: AlertRule): Finding {
  const text =
    rule === 'stuck'
      ? `more than ${MOST_CASES} transactions are stuck: list them with amends list --status stuck`
      : `there are more than ${MOST_CASES} cases of ${rule}: the others are not told one by one`;
  return { rule, subject: MANY, text };
}

/** Of the findings those that are told: what is open stays so, and a storm is told as one. Pure. */
export function limited(open: OpenCases, findings: readonly Finding[]): readonly Finding[] {
  const each = new Map(findings.map((finding) => [keyOf(finding), finding]));
  const rooms = new Map<AlertRule, number>(ALERT_RULES.map((rule) => [rule, MOST_CASES]));
  const take = (rule: AlertRule): number => {
    const room = rooms.get(rule)!;
    rooms.set(rule, room - 1);
    return room;
  };
  for (const { rule, subject } of Object.values(open)) if (subject !== MANY) take(rule);
  const many = new Map<AlertRule, Finding>();
  const told = [...each].flatMap(([key, finding]) => {
    if (Object.hasOwn(open, key) || take(finding.rule) > 0) return [finding];
    many.set(finding.rule, manyOf(finding.rule));
    return [];
  });
  return [...told, ...many.values()];
}

/** What follows from the findings of one look. Pure. */
export function follow(open: OpenCases, findings: readonly Finding[], following: Following): Followed {
  const { nowMs, repeatAfterMs, quietMs, namespace } = following;
  const found = new Map(findings.map((finding) => [keyOf(finding), finding]));
  const cases: Record<string, OpenCase> = {};
  const alerts: { alert: Alert; number: number }[] = [];
  const tell = (kind: Alert['kind'], finding: Finding, sinceMs: number, number: number): void => {
    const { rule, subject, text, saga, step, transaction } = finding;
    const about = { rule, subject, text, saga, step, transaction };
    alerts.push({ alert: { ...about, kind, caseId: caseId(keyOf(finding), sinceMs), sinceMs, atMs: nowMs, namespace }, number });
  };
  for (const [key, finding] of found) {
    const before = Object.hasOwn(open, key) ? open[key] : undefined;
    if (before === undefined) {
      cases[key] = { ...finding, sinceMs: nowMs, seenMs: nowMs, toldMs: nowMs, told: 1 };
      tell('raised', finding, nowMs, 1);
    } else if (nowMs - before.toldMs >= repeatAfterMs) {
      cases[key] = { ...before, ...finding, seenMs: nowMs, toldMs: nowMs, told: before.told + 1 };
      tell('repeated', finding, before.sinceMs, before.told + 1);
    } else {
      cases[key] = { ...before, ...finding, seenMs: nowMs };
    }
  }
  for (const [key, before] of Object.entries(open)) {
    if (found.has(key)) continue;
    if (nowMs - before.seenMs < quietMs) cases[key] = before;
    else tell('resolved', before, before.sinceMs, before.told + 1);
  }
  return { cases, alerts };
}
