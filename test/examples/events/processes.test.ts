import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createEventStreams } from '../../../src/events/events.ts';
import { orders } from '../../../examples/events/orders.ts';
import { eventually } from '../../support/eventually.ts';
import { STORE_KINDS, useStore } from '../../support/stores.ts';
import { upTo } from '../../support/streams.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

const running = new Set<ChildProcess>();

// A process each, so not on the embedded store, which takes one.
describe.each(STORE_KINDS.filter((kind) => kind !== 'embedded'))('order events, a read model and a shipping saga, on %s', (kind) => {
  const store = useStore(kind);
  afterEach(async () => {
    await Promise.all(
      [...running].map((child) => {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return gone;
      }),
    );
  });

  function begin(name: string, ...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended>; output(): string } {
    const file = fileURLToPath(new URL(`../../../dist/examples/events/${name}.js`, import.meta.url));
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, AMENDS_URL: store.url, SHOP_NAMESPACE: store.namespace, AMENDS_LOG_LEVEL: 'error' };
    const child = spawn(process.execPath, [file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code) => {
        running.delete(child);
        resolve({ code, output });
      });
    });
    return { child, ended, output: () => output };
  }
  const started = async (name: string, ready: string) => {
    const process = begin(name);
    await eventually(() => expect(process.output()).toContain(ready), { timeoutMs: 60_000 });
    return process;
  };

  test(
    'each paid order is shipped once and the table is right, although every follower is killed in the middle',
    { timeout: 180_000 },
    async () => {
      const count = 40;
      // The first one makes the tables.
      expect(await begin('shop', '2').ended).toMatchObject({ code: 0 });
      const readModel = await started('read-model', 'keeping order_status');
      const shipping = await started('shipping', 'shipping what is paid');
      const events = createEventStreams({ backend: (await store.open()).backend });
      const shop = begin('shop', String(count)).ended;
      await eventually(async () => expect((await events.load(orders, 'order-3')).state.status).not.toBe('none'), { timeoutMs: 60_000 });
      for (const { child, ended } of [readModel, shipping]) {
        child.kill('SIGKILL');
        await ended;
      }
      const [readAgain, shipAgain] = [await started('read-model', 'keeping'), await started('shipping', 'shipping')];
      expect(await shop).toEqual({ code: 0, output: `${count} orders placed and paid\n` });
      expect(await begin('shop', String(count)).ended).toMatchObject({ code: 0 }); // again: harmless

      const expected = upTo(count).map((n) => [`order-${n}`, n % 5 === 0 ? 'unpacked' : 'shipped']);
      await eventually(
        async () => {
          const states = await Promise.all(expected.map(async ([id]) => [id, (await events.load(orders, id!)).state.status]));
          expect(states).toEqual(expected);
        },
        { timeoutMs: 90_000, everyMs: 200 },
      );
      for (const [id, end] of expected) {
        const types: string[] = [];
        for await (const { type } of events.read(orders, id!)) types.push(type);
        expect(types).toEqual(['placed', 'paid', 'packed', end]);
      }
      const table = expected.map((row) => row.join('  ')).join('\n');
      await eventually(async () => expect(await begin('show').ended).toEqual({ code: 0, output: `${table}\n` }), {
        timeoutMs: 60_000,
        everyMs: 500,
      });
      for (const { child, ended } of [readAgain, shipAgain]) {
        child.kill('SIGTERM');
        expect(await ended).toMatchObject({ code: 0 });
      }
    },
  );
});
