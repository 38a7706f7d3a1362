import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { createServer as createHttpServer, type Server } from 'node:http';
import express from 'express';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChangeStreams } from '../../dashboard/server/api/changes.ts';
import type { Changes, TransactionChange } from '../../src/operations/changes.ts';
import { eventually } from '../support/eventually.ts';
import { Listener } from './listener.ts';

const PATIENCE_MS = 1_500;

/** Changes as fast as a test wants them: more than a store writes in its time. */
class Burst {
  readonly #listeners = new Set<(changes: Changes) => void>();
  #place = 0;

  async follow(listener: (changes: Changes) => void): Promise<() => void> {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async place(): Promise<string> {
    return String(this.#place);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  tell(count: number): void {
    const changes = Array.from({ length: count }, (_, i): TransactionChange => {
      return { id: `${'x'.repeat(110)}-${this.#place + i}`, version: 1, status: 'running', saga: 'trip', tags: {}, updatedAtMs: 1 };
    });
    this.#place += count;
    for (const listener of this.#listeners) listener({ place: String(this.#place), changes });
  }
}

let feed: Burst;
let streams: ChangeStreams;
let server: Server;
let opened: { destroy(): void }[];

beforeEach(async () => {
  feed = new Burst();
  streams = new ChangeStreams(feed, { visible: async (_request, rows) => [...rows] }, PATIENCE_MS);
  opened = [];
  server = createHttpServer(express().get('/events', streams.handler)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  for (const one of opened) one.destroy();
  await streams.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function port(): number {
  return (server.address() as AddressInfo).port;
}

/** A client that asks, and then reads nothing any more. */
async function deaf(): Promise<Socket> {
  const socket = connect(port(), '127.0.0.1').on('error', () => undefined);
  opened.push(socket);
  await once(socket, 'connect');
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  socket.pause();
  return socket;
}

function listen(): Listener {
  const made = new Listener(`http://127.0.0.1:${port()}/events`);
  opened.push({ destroy: () => made.close() });
  return made;
}

test('a client that takes nothing is cut off, memory stays bounded, and the others are told all of it', async () => {
  const deafOnes = await Promise.all(Array.from({ length: 20 }, deaf));
  const good = listen();
  await eventually(() => expect(feed.listeners).toBe(21));
  const before = process.memoryUsage();
  let told = 0;
  // 60 MB for each of them, which no socket buffer holds.
  for (let i = 0; i < 200; i++) {
    feed.tell(1_000);
    told += 1_000;
    await eventually(() => expect(good.told.filter(({ event }) => event === 'change').length).toBeGreaterThan(told - 5_000), {
      everyMs: 1,
    });
  }
  await eventually(() => expect(good.told.filter(({ event }) => event === 'change')).toHaveLength(told));
  expect(good.closed).toBe(false);
  expect(good.told.map(({ event }) => event)).not.toContain('reset');
  const grown = process.memoryUsage().rss - before.rss;
  // What the good one was told is kept by this test, some 100 MB of objects; 20 times 60 MB would be more than a gigabyte.
  expect(grown).toBeLessThan(700 * 1_024 * 1_024);
  await eventually(() => expect(feed.listeners).toBe(1), { timeoutMs: 4 * PATIENCE_MS });
  for (const socket of deafOnes) {
    socket.resume();
    if (!socket.destroyed) await once(socket, 'close');
  }
});

test('one that is slow but takes some is told that it has missed changes, and goes on', async () => {
  // Something between that lets through a little at a time.
  const relay = createServer((client) => {
    const upstream = connect(port(), '127.0.0.1').on('error', () => undefined);
    opened.push(client, upstream);
    client.on('error', () => undefined).pipe(upstream);
    upstream.on('data', (chunk) => {
      upstream.pause();
      client.write(chunk);
      setTimeout(() => upstream.resume(), 2);
    });
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const slow = new Listener(`http://127.0.0.1:${(relay.address() as AddressInfo).port}/events`);
  opened.push({ destroy: () => slow.close() }, { destroy: () => relay.close() });
  await eventually(() => expect(feed.listeners).toBe(1));
  for (let i = 0; i < 100; i++) feed.tell(1_000);
  await eventually(() => expect(slow.lastId).toBe('100000'), { timeoutMs: 20_000 });
  expect(slow.told.map(({ event }) => event)).toContain('reset');
  feed.tell(1);
  await eventually(() => expect(slow.lastId).toBe('100001'));
  expect(slow.closed).toBe(false);
});
