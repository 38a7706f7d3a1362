import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from './proxy.ts';

let server: Server;
let proxy: FaultProxy;
let served: Socket[];
let heard: string;
const clients: Socket[] = [];

/** A client of the proxy, and what it has heard and whether its connection is over. */
function client(): { readonly socket: Socket; said(): string; over(): boolean } {
  const { hostname, port } = new URL(proxy.url);
  const socket = connect(Number(port), hostname);
  clients.push(socket);
  let text = '';
  let closed = false;
  socket.on('data', (bytes) => (text += bytes.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  return { socket, said: () => text, over: () => closed };
}

const expectSaid = (of: { said(): string }, text: string): Promise<void> => eventually(() => expect(of.said()).toBe(text));
const expectOver = (of: { over(): boolean }): Promise<void> => eventually(() => expect(of.over()).toBe(true));

beforeEach(async () => {
  served = [];
  heard = '';
  server = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard += bytes.toString();
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.before(`echo://127.0.0.1:${(server.address() as AddressInfo).port}/x`);
});

afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy();
  await proxy.close();
  for (const socket of served) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('passes both ways, late when told so, in order', async () => {
  const one = client();
  proxy.delay(60);
  const sentAt = performance.now();
  one.socket.write('a');
  await eventually(() => expect(proxy.counts.delayed).toBe(1));
  proxy.pass();
  one.socket.write('b');
  await expectSaid(one, 'ab');
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(55);
});

test('freezes and lets go without a loss, also who connects meanwhile', async () => {
  const one = client();
  one.socket.write('a');
  await expectSaid(one, 'a');
  proxy.freeze();
  one.socket.write('b');
  const two = client();
  two.socket.write('c');
  await eventually(() => expect(proxy.counts.held).toBe(2));
  expect(heard).toBe('a');
  proxy.pass();
  await expectSaid(one, 'ab');
  await expectSaid(two, 'c');
  expect(proxy.counts.held).toBe(0);
});

test('drops the reply to a certain request, which the server has carried out, and cuts that connection', async () => {
  const one = client();
  proxy.dropReplies(1, { to: 'COMMIT' });
  one.socket.write('SELECT;');
  await expectSaid(one, 'SELECT;');
  expect(proxy.dropped).toBe(false);
  one.socket.write('COMMIT;');
  await expectOver(one);
  expect(one.said()).toBe('SELECT;');
  expect(heard).toBe('SELECT;COMMIT;');
  expect(proxy.dropped).toBe(true);
  expect(proxy.counts.droppedReplies).toBe(1);
  const two = client();
  two.socket.write('COMMIT;');
  await expectSaid(two, 'COMMIT;');
});

test('cuts a connection at a certain request, which the server never gets', async () => {
  const one = client();
  proxy.cutRequests(1, { to: 'COMMIT' });
  one.socket.write('SELECT;');
  await expectSaid(one, 'SELECT;');
  one.socket.write('COMMIT;');
  await expectOver(one);
  expect(heard).toBe('SELECT;');
  expect(proxy.counts.cutRequests).toBe(1);
  const two = client();
  two.socket.write('COMMIT;');
  await expectSaid(two, 'COMMIT;');
});

test('half-open connections swallow everything and stay until they are cut; new ones work', async () => {
  const one = client();
  one.socket.write('a');
  await expectSaid(one, 'a');
  proxy.halfOpen();
  one.socket.write('b');
  await eventually(() => expect(proxy.counts.swallowed).toBe(1));
  const two = client();
  two.socket.write('c');
  await expectSaid(two, 'c');
  expect(one.over()).toBe(false);
  expect(one.said()).toBe('a');
  proxy.cut();
  await expectOver(one);
  await expectOver(two);
  expect(proxy.counts.cut).toBe(2);
});

test('refuses until told to pass', async () => {
  const one = client();
  one.socket.write('a');
  await expectSaid(one, 'a');
  proxy.refuse();
  await expectOver(one);
  await expectOver(client());
  expect(proxy.counts.refused).toBe(1);
  proxy.pass();
  const again = client();
  again.socket.write('b');
  await expectSaid(again, 'b');
});

test('tells the client when the server is gone', async () => {
  const one = client();
  one.socket.write('a');
  await expectSaid(one, 'a');
  for (const socket of served) socket.destroy();
  await eventually(() => expect(one.over()).toBe(true));
});
