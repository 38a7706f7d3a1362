import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../src/flows/json.ts';
import { TRANSACTION, type CommitResult, type Journal, type JournaledEvent } from '../../../src/journal/journal.ts';
import type { OpenStore } from '../../support/place.ts';
import type { TestStore } from '../../support/stores.ts';
import { readAll, upTo } from '../../support/streams.ts';
import { commitOf, completed, fresh, issued, start, started } from '../../support/transactions.ts';

const WRITERS = 20;

function unseenBy(results: readonly CommitResult[]): (readonly JournaledEvent[])[] {
  return results.flatMap((result) => (result.committed ? [] : [result.unseen]));
}

export function commitsSuite(store: TestStore): void {
  let opened: OpenStore[];
  let journal: Journal;
  beforeAll(async () => {
    opened = await Promise.all(upTo(4).map(() => store.open()));
    journal = opened[0]!.journal;
  });
  const writer = (n: number): Journal => opened[n % opened.length]!.journal;

  describe('a commit', () => {
    test('that expects 0 starts a transaction', async () => {
      const id = fresh();
      const first = started('order', { customer: 17850, items: [] });
      const result = await journal.commit(commitOf(id, 0, [first, issued('create_order')]));
      expect(result).toEqual({ committed: true, atMs: expect.any(Number) });
      const atMs = result.committed ? result.atMs : 0;
      expect(await journal.read(id)).toEqual([
        { version: 1, atMs, event: first },
        { version: 2, atMs, event: issued('create_order') },
      ]);
    });

    test('that starts it a second time loses and gets the events there are (S90)', async () => {
      const id = fresh();
      await journal.commit(commitOf(id, 0, [started('order', { n: 1 }), issued('a')]));
      const there = await journal.read(id);
      expect(await journal.commit(commitOf(id, 0, [started('order', { n: 2 })]))).toEqual({ committed: false, unseen: there });
      expect(await journal.read(id)).toEqual(there);
    });

    test('goes on from the last one: versions are dense, time does not go back', async () => {
      const id = await start(journal);
      let version = 1;
      for (const size of [1, 3, 2, 1]) {
        const result = await journal.commit(
          commitOf(
            id,
            version,
            upTo(size).map((n) => issued(`step_${version + n}`)),
          ),
        );
        expect(result.committed).toBe(true);
        version += size;
      }
      const events = await journal.read(id);
      expect(events.map(({ version }) => version)).toEqual(upTo(8));
      expect(events.slice(1).map(({ event }) => event)).toEqual(upTo(7).map((n) => issued(`step_${n + 1}`)));
      const times = events.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test('that lost the race gets exactly the events that its writer had not seen, and writes nothing (S103)', async () => {
      const id = await start(journal);
      for (const n of upTo(4)) await journal.commit(commitOf(id, n, [issued(`step_${n}`)]));
      const all = await journal.read(id);
      for (const seen of [1, 2, 4]) {
        const lost = await journal.commit(commitOf(id, seen, [completed()], { status: 'completed' }));
        expect(lost).toEqual({ committed: false, unseen: all.slice(seen) });
      }
      expect(await journal.read(id)).toEqual(all);
      expect(await journal.summaries([id])).toMatchObject([{ status: 'running', version: 5 }]);
    });

    test(`of ${WRITERS} writers at once: one wins, the others get what it wrote (S103)`, async () => {
      const id = await start(journal);
      const results = await Promise.all(upTo(WRITERS).map((n) => writer(n).commit(commitOf(id, 1, [issued(`by_${n}`)]))));
      const events = await journal.read(id);
      expect(events).toHaveLength(2);
      expect(results.filter(({ committed }) => committed)).toHaveLength(1);
      const winner = results.findIndex(({ committed }) => committed) + 1;
      expect(events[1]!.event).toEqual(issued(`by_${winner}`));
      expect(unseenBy(results)).toEqual(Array.from({ length: WRITERS - 1 }, () => events.slice(1)));
    });

    test(`of ${WRITERS} starts at once: one wins, the others get its events (S90)`, async () => {
      const id = fresh();
      const results = await Promise.all(
        upTo(WRITERS).map((n) => writer(n).commit(commitOf(id, 0, [started('order', { n }), issued('a')]))),
      );
      const events = await journal.read(id);
      expect(events).toHaveLength(2);
      expect(results.filter(({ committed }) => committed)).toHaveLength(1);
      expect(unseenBy(results)).toEqual(Array.from({ length: WRITERS - 1 }, () => events));
    });

    test('that expects more events than there are is not taken: the journal has lost what its writer saw', async () => {
      const id = await start(journal);
      const ahead = await journal.commit(commitOf(id, 7, [issued('a')])).catch((error: unknown) => error);
      expect(ahead).toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await journal.read(id)).toHaveLength(1);
    });
  });

  describe('what is read', () => {
    test('is nothing for a transaction that does not exist', async () => {
      expect(await journal.read(fresh())).toEqual([]);
    });

    test('starts after the version given', async () => {
      const id = await start(journal);
      await journal.commit(
        commitOf(
          id,
          1,
          upTo(4).map((n) => issued(`step_${n}`)),
        ),
      );
      const all = await journal.read(id);
      for (const after of [0, 1, 3, 5, 9]) expect(await journal.read(id, after)).toEqual(all.slice(after));
    });

    test('is the whole of a long history', async () => {
      const id = await start(journal);
      for (let version = 1; version < 1501; version += 500) {
        await journal.commit(
          commitOf(
            id,
            version,
            upTo(500).map((n) => issued(`step_${version + n}`, { n })),
          ),
        );
      }
      const events = await journal.read(id);
      expect(events.map(({ version }) => version)).toEqual(upTo(1501));
      expect((await journal.read(id, 1400)).map(({ version }) => version)).toEqual(upTo(1501).slice(1400));
    });

    test('is in the event store as well, as the stream of the transaction', async () => {
      const id = await start(journal);
      await journal.commit(commitOf(id, 1, [issued('a', { x: 1 }), completed('done')], { status: 'completed' }));
      const stream = { aggregateType: TRANSACTION, aggregateId: id };
      const recorded = await readAll(opened[1]!.events, stream);
      const journaled = await journal.read(id);
      expect(recorded).toEqual(
        journaled.map(({ version, atMs, event }) => ({
          ...stream,
          version,
          eventId: expect.any(String),
          eventType: event.type,
          eventData: event.data,
          schemaVersion: 1,
          metadata: expect.any(Object),
          timestamp: new Date(atMs),
        })),
      );
      expect(new Set(recorded.map(({ eventId }) => eventId)).size).toBe(3);
    });

    test('is the same whatever the payload', async () => {
      const id = fresh();
      const input = JSON.parse(
        '{"__proto__":{"admin":true},"list":[],"object":{},"big":9007199254740991,"third":0.3333333333333333}',
      ) as Json;
      const args: Json = { text: ['Ünïcödé ✓ \u{1F600}', '"\\\n\t', '\u2028'], nested: [[], [{}], null] };
      await journal.commit(commitOf(id, 0, [started('order', input), issued('a', args)]));
      const [first, second] = await journal.read(id);
      expect(JSON.stringify((first!.event.data as { input: Json }).input)).toHaveLength(JSON.stringify(input).length);
      expect(first!.event).toStrictEqual(started('order', input));
      expect(second!.event).toStrictEqual(issued('a', args));
    });

    test.each([
      ['a NUL', 'a\0b'],
      ['half a surrogate pair', 'a\ud800b'],
    ])('%s in a payload comes back as it was, although SQL has no text for it', async (_name, text) => {
      const id = fresh();
      await journal.commit(commitOf(id, 0, [started('order', { text, [text]: [text] })]));
      const [first] = await journal.read(id);
      expect(JSON.stringify(first!.event)).toBe(JSON.stringify(started('order', { text, [text]: [text] })));
    });

    test('stands or falls by itself, whatever else is committed at the moment', async () => {
      const ids = await Promise.all(upTo(40).map(() => start(journal)));
      const lost = ids.filter((_id, n) => n % 3 === 0);
      await Promise.all(lost.map((id) => journal.commit(commitOf(id, 1, [issued('first')]))));
      const unknown = fresh();
      const results = await Promise.allSettled([...ids, unknown].map((id) => journal.commit(commitOf(id, 1, [issued('second', { id })]))));
      for (const [n, id] of ids.entries()) {
        const expected = lost.includes(id) ? { committed: false, unseen: [{ event: issued('first') }] } : { committed: true };
        expect(results[n]).toMatchObject({ status: 'fulfilled', value: expected });
        const last = lost.includes(id) ? issued('first') : issued('second', { id });
        expect((await journal.read(id)).map(({ event }) => event).slice(1)).toEqual([last]);
      }
      expect(results.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'TRANSACTION_NOT_FOUND' } });
    });

    test('belongs to the namespace it was written in', async () => {
      const id = await start(journal);
      const { journal: elsewhere } = await store.open(`${store.namespace}_b`);
      expect(await elsewhere.read(id)).toEqual([]);
      expect(await start(elsewhere, { id })).toBe(id);
      expect(await journal.read(id)).toHaveLength(1);
    });
  });

  describe('ids of transactions', () => {
    test('with . : / @ + = ~ - and of either case are transactions of their own', async () => {
      const key = fresh('id');
      const ids = ['', '.x', ':x', '/x', '@x', '+x', '=x', '~x', '-x', '_x', '.x:y/z', ':X']
        .map((tail) => `${key}${tail}`)
        .concat(key.toUpperCase());
      const saga = fresh('saga');
      for (const id of ids) expect(await start(journal, { id, saga })).toBe(id);
      for (const id of ids) {
        expect(await journal.commit(commitOf(id, 1, [issued('a', { id })], { saga }))).toMatchObject({ committed: true });
        expect((await journal.read(id, 1)).map(({ event }) => event)).toEqual([issued('a', { id })]);
      }
      expect((await journal.summaries(ids)).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      expect((await journal.list({ saga })).transactions.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });
  });
}
