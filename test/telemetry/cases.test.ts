import { expect, test } from 'vitest';
import type { Finding } from '../../src/telemetry/alerts/alert.ts';
import { follow, limited, type OpenCases } from '../../src/telemetry/alerts/cases.ts';

const STUCK: Finding = { rule: 'stuck', subject: 't-1', text: 'stuck' };
const at = (nowMs: number) => ({ nowMs, repeatAfterMs: 1_000, quietMs: 300, namespace: 'amends' });

function play(looks: readonly (readonly [atMs: number, findings: readonly Finding[]])[]): string[] {
  let cases: OpenCases = {};
  return looks.flatMap(([ms, findings]) => {
    const followed = follow(cases, findings, at(ms));
    ({ cases } = followed);
    return followed.alerts.map(({ alert, number }) => `${ms} ${alert.kind} ${alert.subject} ${number}`);
  });
}

test('a case is told once, again after the interval, and when it is over', () => {
  const looks = [0, 100, 900, 1_000, 1_500].map((ms) => [ms, [STUCK]] as const);
  expect(play([...looks, [1_700, []], [1_900, []], [2_500, []]])).toEqual(['0 raised t-1 1', '1000 repeated t-1 2', '1900 resolved t-1 3']);
});

test('what comes and goes within the quiet time is one case; after it another one', () => {
  expect(
    play([
      [0, [STUCK]],
      [200, []],
      [400, [STUCK]],
      [600, []],
      [800, []],
      [900, [STUCK]],
    ]),
  ).toEqual(['0 raised t-1 1', '800 resolved t-1 2', '900 raised t-1 1']);
});

test('who looks twice at the same moment tells the same, under the same id', () => {
  const one = follow({}, [STUCK], at(5));
  expect(follow({}, [STUCK], at(5))).toEqual(one);
  expect(follow({}, [STUCK], at(6)).alerts[0]!.alert.caseId).not.toBe(one.alerts[0]!.alert.caseId);
});

test('a subject that is the name of something every object has is a subject', () => {
  expect(
    play([
      [0, [{ ...STUCK, subject: '__proto__' }]],
      [100, [{ ...STUCK, subject: '__proto__' }]],
    ]),
  ).toEqual(['0 raised __proto__ 1']);
});

test('of a storm fifty are told one by one and the rest as one; those that are open stay, and other rules are told as ever', () => {
  const crowd = Array.from({ length: 80 }, (_, n): Finding => ({ rule: 'stuck', subject: `t-${n}`, text: 'stuck' }));
  const lag: Finding = { rule: 'lag', subject: 'shop', text: 'behind' };
  const subjects = (findings: readonly Finding[]) => findings.map(({ subject }) => subject);
  const first = limited({}, [...crowd, ...crowd, lag]);
  expect(subjects(first)).toEqual([...subjects(crowd.slice(0, 50)), 'shop', 'many']);
  let { cases } = follow({}, first, at(0));
  expect(Object.keys(cases)).toHaveLength(52);
  // The newest come first, and those that were told are at the end.
  const later = [...Array.from({ length: 20 }, (_, n): Finding => ({ rule: 'stuck', subject: `new-${n}`, text: 'stuck' })), ...crowd];
  const second = follow(cases, limited(cases, [...later, lag]), at(100));
  expect(second.alerts).toEqual([]);
  // One place is free when its case is over, not before.
  const without = [...crowd.slice(1), lag];
  ({ cases } = follow(second.cases, limited(second.cases, without), at(399)));
  expect(Object.keys(cases)).toHaveLength(52);
  const over = follow(cases, limited(cases, without), at(400));
  expect(over.alerts.map(({ alert }) => `${alert.kind} ${alert.subject}`)).toEqual(['resolved t-0']);
  const next = follow(over.cases, limited(over.cases, without), at(401));
  expect(next.alerts.map(({ alert }) => `${alert.kind} ${alert.subject}`)).toEqual(['raised t-50']);
});
