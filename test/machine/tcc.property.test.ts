import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventType } from '../../src/machine/event.ts';
import { TccWorld } from './tcc-world.ts';

/** `AMENDS_RUNS=10000` for the long run. */
const RUNS = Number(process.env['AMENDS_RUNS'] ?? 1200);

const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });
const deadlines = fc.option(fc.integer({ min: 100, max: 600 }), { freq: 2 });
const schedules = fc.array(fc.nat(), { maxLength: 90, size: 'max' });

/** How often each event of a TCC was journaled: every one has to be reached. */
const seen: Partial<Record<EventType, number>> = {};
const REACHED: readonly EventType[] = [
  'saga_started',
  'step_issued',
  'attempt_started',
  'attempt_lost',
  'attempt_failed',
  'step_succeeded',
  'step_failed',
  'step_withdrawn',
  'saga_turned',
  'verdict_reached',
  'confirm_issued',
  'confirm_succeeded',
  'confirm_stuck',
  'confirm_skipped',
  'compensation_issued',
  'compensation_succeeded',
  'compensation_stuck',
  'compensation_skipped',
  'retry_requested',
  'late_result',
  'saga_paused',
  'saga_resumed',
  'saga_terminated',
  'tcc_held',
  'hold_renewed',
  'tcc_confirmed',
  'tcc_cancelled',
];

test(`neverBothConfirmedAndCancelled on ${RUNS} random TCCs under random schedules`, { timeout: 60_000 + RUNS * 20 }, () => {
  fc.assert(
    fc.property(shapes, deadlines, fc.boolean(), schedules, (shape, deadlineMs, awaitsVerdict, schedule) => {
      const world = new TccWorld(shape, deadlineMs, awaitsVerdict);
      for (const drawn of schedule) world.play(drawn);
      world.settle();
      for (const drawn of schedule.slice(0, 10)) world.play(drawn);
      world.expectGoodEnd();
      for (const { type } of world.journal) seen[type] = (seen[type] ?? 0) + 1;
    }),
    { numRuns: RUNS },
  );
  // The walk must have been everywhere, or the rules above held for want of a case.
  expect(REACHED.filter((type) => (seen[type] ?? 0) < RUNS / 100)).toEqual([]);
  expect(Object.keys(seen).filter((type) => !REACHED.includes(type as EventType))).toEqual([]);
});
