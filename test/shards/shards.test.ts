import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { slotOf } from '../../src/connections/slots.ts';
import { shardOf, shardTags } from '../../src/connections/shards.ts';
import { operationJobId, rootJobId, transactionOfJob } from '../../src/queues/names.ts';
import { Turns } from '../../src/queues/turns.ts';
import { gate } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { upTo } from '../support/streams.ts';

describe('the shard of a transaction', () => {
  test('is the same for ever: what is stored is found by it', () => {
    expect(['', 'a', 'order-42', 'Grüße ☃ 🐌', 'x'.repeat(512)].map((id) => [4, 16, 256].map((shards) => shardOf(id, shards)))).toEqual([
      [3, 11, 11],
      [3, 3, 179],
      [3, 7, 215],
      [1, 5, 245],
      [1, 13, 189],
    ]);
  });

  test.each([
    ['random ids', () => randomUUID()],
    ['ids that count up', (n: number) => `order-${n}`],
  ])('spreads %s evenly', (_name, idOf) => {
    for (const shards of [2, 3, 16, 256]) {
      const counts = Array.from({ length: shards }, () => 0);
      for (const n of upTo(shards * 400)) counts[shardOf(idOf(n), shards)]!++;
      expect(Math.min(...counts)).toBeGreaterThan(300);
      expect(Math.max(...counts)).toBeLessThan(500);
    }
  });

  test('is that of its jobs, whatever its id', () => {
    for (const id of ['plain', 'with.dots.in.it', 'a/b c:d', 'ünïcode', '123', "quote'(x)*~", 'run.x.y']) {
      expect(transactionOfJob(rootJobId(id))).toBe(id);
      expect(transactionOfJob(operationJobId(id, 'charge_card', 'run'))).toBe(id);
      expect(transactionOfJob(operationJobId(id, 'charge_card', 'compensate'))).toBe(id);
    }
    expect(transactionOfJob('forged')).toBeUndefined();
    expect(transactionOfJob('run.!zz.x')).toBeUndefined();
  });

  test('has a hash tag of its own; the only one has the namespace', () => {
    expect(shardTags('amends', 1)).toEqual(['amends']);
    expect(shardTags('amends', 3)).toEqual(['amends.0.41', 'amends.1.13', 'amends.2.40']);
    expect(new Set(shardTags('amends', 256)).size).toBe(256);
    // Worked out by `CLUSTER KEYSLOT`.
    expect(['amends', 'amends.0', 'amends.11', '123456789'].map(slotOf)).toEqual([3833, 6359, 6590, 12739]);
  });

  test.each([2, 3, 8, 16, 256])('is one of %i that are spread evenly over the slots, whatever masters there are', (shards) => {
    for (const masters of [2, 3, 4, 64]) {
      const counts = Array.from({ length: masters }, () => 0);
      for (const tag of shardTags('orders', shards)) counts[Math.floor((slotOf(tag) * masters) / 16_384)]!++;
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });
});

describe('turns', () => {
  test('SH5 as many as allowed work at once, the others in the order they came', async () => {
    const turns = new Turns(2);
    const gates = upTo(5).map(() => gate());
    const begun: number[] = [];
    const all = gates.map((one, n) =>
      turns.during(async () => {
        begun.push(n);
        await one.opened;
        if (n === 1) throw new Error('failed');
      }),
    );
    const settled = Promise.allSettled(all);
    await eventually(() => expect(begun).toEqual([0, 1]));
    gates[1]!.open();
    await eventually(() => expect(begun).toEqual([0, 1, 2]));
    for (const one of gates) one.open();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });
});
