import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/machine/event.ts';
import { sagas, type SagaSpec, type StepSpec } from '../support/plans.ts';
import { World } from './world.ts';

/** `AMENDS_RUNS=10000` for the long run. */
const RUNS = Number(process.env['AMENDS_RUNS'] ?? 1200);

const schedules = fc.array(fc.nat(), { maxLength: 60, size: 'max' });

/** How often each event was journaled. A new one has to be added here, and reached; those of a TCC in tcc.property.test.ts. */
type SagaEvent = Exclude<EventType, `confirm_${string}` | `tcc_${string}` | 'verdict_reached' | 'hold_renewed'>;
const seen: Record<SagaEvent, number> = {
  saga_started: 0,
  step_issued: 0,
  step_skipped: 0,
  attempt_started: 0,
  attempt_lost: 0,
  attempt_failed: 0,
  step_succeeded: 0,
  step_failed: 0,
  step_withdrawn: 0,
  step_stuck: 0,
  step_overdue: 0,
  turn_requested: 0,
  saga_turned: 0,
  compensation_issued: 0,
  compensation_succeeded: 0,
  compensation_stuck: 0,
  retry_requested: 0,
  late_result: 0,
  saga_completed: 0,
  saga_compensated: 0,
  compensation_skipped: 0,
  saga_terminated: 0,
  saga_paused: 0,
  saga_resumed: 0,
  signal_received: 0,
  wait_ended: 0,
};

function plain(name: string, kind: StepSpec['kind'], broken = false): StepSpec {
  return { name, kind, conditional: false, skipped: false, broken, attempts: 1, undoAttempts: 1, sleepMs: 0, wait: undefined };
}

/** What chance has found once: an operator's retry of several steps that had come to a stop in another order than the plan's. */
const FOUND: [SagaSpec, number[]][] = [
  [
    {
      stages: [
        [plain('s0a', 'compensatable'), plain('s0b', 'compensatable')],
        [plain('s1a', 'retriable')],
        [plain('s2a', 'retriable'), plain('s2b', 'retriable'), plain('s2c', 'retriable', true)],
      ],
      deadlineMs: null,
      outputThrows: false,
    },
    [617967688, 847651907, 432392329, 0, 0, 0, 0, 0, 1575462912, 986752931, 1419300859, 0, 842210410, 1850509645, 0, 780720766, 627233998],
  ],
];

test(`every rule holds on ${RUNS} random sagas under random schedules`, { timeout: 60_000 + RUNS * 20 }, () => {
  let lostRaces = 0;
  fc.assert(
    fc.property(sagas, schedules, (spec, schedule) => {
      const world = new World(spec);
      for (const drawn of schedule) world.play(drawn);
      world.settle();
      // An end is an end, whatever is still told.
      for (const drawn of schedule.slice(0, 10)) world.play(drawn);
      world.expectGoodEnd();
      lostRaces += world.lostRaces;
      for (const { type } of world.journal) seen[type as SagaEvent]++;
    }),
    { numRuns: RUNS, examples: FOUND },
  );
  // The walk must have been everywhere, or the rules above held for want of a case.
  const rare = Object.entries(seen).filter(([, times]) => times < RUNS / 100);
  expect(rare).toEqual([]);
  expect(lostRaces).toBeGreaterThan(RUNS / 10);
});
