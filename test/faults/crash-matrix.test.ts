import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORE_KINDS } from '../support/stores.ts';
import { CrashMatrix } from './matrix/matrix.ts';
import type { Scenario } from './matrix/orders.mjs';
import { deedsBehind, deedsSeen, differencesIn, slice } from './matrix/recording.ts';

/** AMENDS_MATRIX=all runs every death there is, otherwise a few; which ones follows from AMENDS_MATRIX_SEED. */
const ALL = process.env['AMENDS_MATRIX'] === 'all';
const SEED = Number(process.env['AMENDS_MATRIX_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const TIMEOUT_MS = ALL ? 3_600_000 : 120_000;
/** A few at the same time: recovering them is mostly waiting, for locks to run out. */
const DEATHS = { timeout: TIMEOUT_MS, concurrent: !ALL };
/** Deaths of each scenario in a slice. An embedded store takes a second to open, and each victim has one. */
const SLICE = { redis: 4, postgres: 4, embedded: 2 };
const ORDERS: readonly Scenario[] = ['works', 'refused', 'unsure', 'confirmed', 'cancelled', 'fused', 'fused_refused'];

console.log(`crash matrix: ${ALL ? 'all of it' : `a slice, AMENDS_MATRIX_SEED=${SEED}`}`);

describe.each(STORE_KINDS)('crash matrix on %s', (kind) => {
  let matrix: CrashMatrix;
  let red = false;

  beforeAll(async () => {
    matrix = await CrashMatrix.open(kind);
    // Alone: the audit takes in whatever is written meanwhile.
    for (const order of ORDERS) await matrix.recording(order);
  }, TIMEOUT_MS);
  afterAll(() => matrix.close({ keep: red }), TIMEOUT_MS);

  /** What is wrong: nothing, hopefully. */
  async function die(order: Scenario): Promise<readonly string[]> {
    const { chosen, died, problems } = await matrix.run(order, (deaths) => (ALL ? deaths : slice(deaths, SLICE[kind], SEED)));
    if (ALL) console.log(`${kind}, ${order}: ${died.length} deaths`);
    const all = died.length < chosen ? [...problems, `of ${chosen} victims ${died.length} died`] : problems;
    red ||= all.length > 0;
    return all.map((problem) => `${problem}\n(AMENDS_MATRIX_SEED=${SEED}, ${matrix.description})`);
  }

  test.each(ORDERS)('every write of an order that "%s" is a point', { timeout: TIMEOUT_MS }, async (order) => {
    const recording = await matrix.recording(order);
    expect(differencesIn(recording)).toEqual([]);
    expect(deedsSeen(recording)).toEqual(deedsBehind(recording));
  });
  test('S100 killed at a persistence point on the way forward: same end, one effect each', DEATHS, async () => {
    expect(await die('works')).toEqual([]);
  });
  test('S101 killed while it is undone after a refusal: same end, one effect and one undo each', DEATHS, async () => {
    expect(await die('refused')).toEqual([]);
  });
  test('S101 killed while it is undone after an unknown outcome: same end, one undo each', DEATHS, async () => {
    expect(await die('unsure')).toEqual([]);
  });
  test('S100 fused steps killed at a persistence point: same end, one effect each', DEATHS, async () => {
    expect(await die('fused')).toEqual([]);
  });
  test('S101 fused steps killed while they are undone after a refusal: same end, one effect and one undo each', DEATHS, async () => {
    expect(await die('fused_refused')).toEqual([]);
  });
  test(
    'T06 T07 T08 a TCC killed at a persistence point: everything is confirmed once, or everything that was held is given back',
    DEATHS,
    async () => {
      expect(await die('confirmed')).toEqual([]);
    },
  );
  test('T02 T09 a TCC killed while it is cancelled: everything that was held is given back once', DEATHS, async () => {
    expect(await die('cancelled')).toEqual([]);
  });
});
