import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createEventStreams, type EventStreams } from '../../src/events/events.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { orders, paid, placed } from '../events/orders.ts';
import { amends, jsonLines } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-cli-events-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// The embedded store takes one process, and the test is one.
describe.each(STORE_KINDS.filter((kind) => kind !== 'embedded'))('amends events on %s', (kind) => {
  const store = useStore(kind);
  let events: EventStreams;
  beforeAll(async () => {
    events = createEventStreams({ backend: (await store.open()).backend });
  });
  const run = (args: readonly string[], namespace = store.namespace, input?: string) =>
    amends(['events', ...args, '--url', store.url, '--namespace', namespace], input === undefined ? {} : { input });

  test('read: the events of an aggregate, from a version on', async () => {
    const id = randomUUID();
    await events.append(orders, id, [placed(1), paid(2), paid(3)], { expectedVersion: 'none' });
    const text = await run(['read', 'order', id, '--from', '2']);
    expect(text).toMatchObject({ code: EXIT.ok, stderr: '' });
    expect(text.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^ {5}2 {2}\S.* {2}paid {2}\{"cents":2\}$/),
      expect.stringMatching(/^ {5}3 {2}\S.* {2}paid {2}\{"cents":3\}$/),
    ]);
    const json = await run(['read', 'order', id, '--to', '1', '--json']);
    expect(jsonLines(json.stdout)).toMatchObject([
      { aggregateId: id, version: 1, eventType: 'placed', eventData: { cents: 1, gift: false } },
    ]);
    expect((await run(['read', 'order', 'nobody'])).stdout).toBe('There is no such stream.\n');
  });

  test('log: all events in their order, a page at a time, without what could move the cursor', async () => {
    const id = `evil-\u001b[2J-${randomUUID()}`;
    await events.append(orders, id, [placed(1), paid(2)], { expectedVersion: 'none' });
    const all = jsonLines<{ position: number; aggregateId: string }>((await run(['log', '--json'])).stdout);
    const mine = all.filter(({ aggregateId }) => aggregateId === id);
    expect(mine).toHaveLength(2);
    const page = await run(['log', '--after', String(mine[0]!.position - 1), '--limit', '1']);
    expect(page.stdout).toContain(`--after ${mine[0]!.position}`);
    expect(page.stdout).toContain('evil-\\u{1b}[2J');
    expect(page.stdout).not.toContain('\u001b');
    expect((await run(['log', '--type', 'invoice'])).stdout).toBe('');
  });

  test('dump and restore: a file, and a pipe; what is cut off is refused', async () => {
    const id = randomUUID();
    await events.append(orders, id, [placed(1), paid(2)], { expectedVersion: 'none' });
    await events.closeStream(orders, id);
    const file = join(folder, `${kind}.jsonl`);
    const written = await run(['dump', '--output', file]);
    expect(written).toMatchObject({ code: EXIT.ok, stdout: '' });
    const piped = await run(['dump']);
    expect(piped.stdout).toBe(await readFile(file, 'utf8'));

    const target = `${store.namespace}_b`;
    expect(await run(['restore', file], target)).toMatchObject({ code: EXIT.ok, stdout: expect.stringMatching(/^\d+ events and 0 sub/) });
    const restored = await run(['read', 'order', id], target);
    expect(restored.stdout).toContain('It is closed.');
    expect(await run(['restore', file], target)).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('another namespace') });

    const cut = piped.stdout.split('\n').slice(0, -2).join('\n');
    expect(await run(['restore', '-'], `${store.namespace}_c`, cut)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('cut off'),
    });
    const broken = `${piped.stdout.slice(0, 40)}\n`;
    expect(await run(['restore', '-'], `${store.namespace}_d`, broken)).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('line 1'),
    });

    const nowhere = join(folder, 'no', 'such', 'folder.jsonl');
    expect(await run(['dump', '--output', nowhere])).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining("can't be written"),
    });
    expect(existsSync(`${nowhere}.partial`)).toBe(false);
  });

  test('archive, close, tombstone, forget', async () => {
    const id = randomUUID();
    await events.append(orders, id, [placed(1), paid(2), paid(3)], { expectedVersion: 'none' });
    expect((await run(['archive', 'order', id, '--to', '2'])).stdout).toBe(`order/${id} is open at version 3, archived up to 2.\n`);
    expect((await run(['close', 'order', id])).stdout).toBe(`order/${id} is closed at version 3, archived up to 2.\n`);
    expect((await run(['tombstone', 'order', id, '--reason', 'test'])).stdout).toBe(`order/${id} is tombstoned at version 4.\n`);
    expect((await run(['read', 'order', id])).stdout).toContain('{"reason":"test"}');
    for (const command of ['archive', 'close', 'tombstone']) {
      expect(await run([command, 'order', 'nobody'])).toMatchObject({
        code: EXIT.usage,
        stderr: expect.stringContaining('there is no stream'),
      });
    }
    expect(await run(['forget', 'nobody'])).toMatchObject({ code: EXIT.failed, stdout: 'There is no data of nobody.\n' });
  });

  test('help teaches every command', async () => {
    for (const command of ['read', 'log', 'dump', 'restore', 'archive', 'close', 'tombstone', 'forget']) {
      const { code, stdout } = await amends(['events', command, '--help']);
      expect(code).toBe(EXIT.ok);
      expect(stdout).toMatch(/^Examples?:\n {2}amends events/m);
    }
    expect((await amends(['events', '--help'])).stdout).toContain('restore');
  });
});
