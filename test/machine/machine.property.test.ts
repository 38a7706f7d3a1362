import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/machine/event.ts';
import { sagas } from '../support/plans.ts';
import { World } from './world.ts';

/** `AMENDS_RUNS=10000` for the long run. */
const RUNS = Number(process.env['AMENDS_RUNS'] ?? 1200);

const schedules = fc.array(fc.nat(), { maxLength: 60, size: 'max' });

/** How often each event was journaled. A new one has to be added here, and reached. */
const seen: Record<EventType, number> = {
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
      for (const { type } of world.journal) seen[type]++;
    }),
    { numRuns: RUNS },
  );
  // The walk must have been everywhere, or the rules above held for want of a case.
  const rare = Object.entries(seen).filter(([, times]) => times < RUNS / 100);
  expect(rare).toEqual([]);
  expect(lostRaces).toBeGreaterThan(RUNS / 10);
});
