import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import { eventually } from '../../support/eventually.ts';
import type { OpenStore } from '../../support/place.ts';
import type { TestStore } from '../../support/stores.ts';
import { end, fresh, start } from '../../support/transactions.ts';

export function watchSuite(store: TestStore): void {
  let here: OpenStore;
  let there: OpenStore;
  beforeAll(async () => {
    here = await store.open();
    there = await store.open();
  });

  /** Everything a watcher heard so far. It stops when the test ends. */
  async function listen(journal: Journal): Promise<{ heard: (string | undefined)[]; stop: () => Promise<void> }> {
    const heard: (string | undefined)[] = [];
    const stop = await journal.watch((id) => void heard.push(id));
    onTestFinished(stop);
    return { heard, stop };
  }

  async function announce(journal: Journal, id = fresh()): Promise<string> {
    await start(journal, { id });
    await end(journal, id, { announce: true });
    return id;
  }

  describe('a watcher', () => {
    test('hears of ends that were committed over another connection, and over its own', async () => {
      const { heard } = await listen(here.journal);
      const ids = [await announce(there.journal), await announce(here.journal)];
      await eventually(() => expect(new Set(heard)).toEqual(new Set(ids)));
    });

    test('hears the ids as they are, and only of commits that ask for it', async () => {
      const { heard } = await listen(here.journal);
      const quiet = await start(there.journal);
      await end(there.journal, quiet);
      const id = await announce(there.journal, `${fresh()}:a/b.c@d=~E`);
      await eventually(() => expect(heard).toEqual([id]));
    });

    test('hears nothing of another namespace', async () => {
      const { heard } = await listen(here.journal);
      const elsewhere = await store.open(`${store.namespace}_b`);
      await announce(elsewhere.journal);
      const id = await announce(there.journal);
      await eventually(() => expect(heard).toEqual([id]));
    });

    test('that stops does not disturb the others, and may stop twice', async () => {
      const [first, second] = [await listen(here.journal), await listen(here.journal)];
      const before = await announce(there.journal);
      await eventually(() => expect([first.heard, second.heard]).toEqual([[before], [before]]));
      await first.stop();
      await first.stop();
      const after = await announce(there.journal);
      await eventually(() => expect(second.heard).toEqual([before, after]));
      expect(first.heard).toEqual([before]);

      await second.stop();
      const third = await listen(here.journal);
      const last = await announce(there.journal);
      await eventually(() => expect(third.heard).toEqual([last]));
      expect(second.heard).toEqual([before, after]);
    });

    test('hears nothing any more when its journal is closed, which may happen twice', async () => {
      const own = await store.open();
      const { heard } = await listen(own.journal);
      await own.journal.close();
      await own.journal.close();
      const witness = await listen(here.journal);
      const id = await announce(there.journal);
      await eventually(() => expect(witness.heard).toEqual([id]));
      expect(heard).toEqual([]);
    });
  });
}

/** For stores with connections that can be cut. */
/** @param shards each of which is listened to by a connection of its own */
export function cutConnectionSuite(store: TestStore, shards = 1): void {
  test('a watcher whose connection was cut hears `undefined`, and then what comes (S107)', async () => {
    const [here, there] = [await store.open(), await store.open()];
    const heard: (string | undefined)[] = [];
    const stop = await here.journal.watch((id) => void heard.push(id));
    onTestFinished(stop);
    const announce = async () => {
      const id = await start(there.journal);
      await end(there.journal, id, { announce: true });
      return id;
    };
    const before = await announce();
    await eventually(() => expect(heard).toEqual([before]));

    for (let cuts = 1; cuts <= 2; cuts++) {
      heard.length = 0;
      expect(await store.cutListeners()).toBe(shards);
      await eventually(() => expect(heard.filter((id) => id === undefined).length).toBeGreaterThanOrEqual(shards));
      const after = await announce();
      await eventually(() => expect(heard.slice(heard.lastIndexOf(undefined))).toEqual([undefined, after]));
    }
  });
}
