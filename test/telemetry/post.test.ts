import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Alert } from '../../src/telemetry/alerts/alert.ts';
import { isPublic } from '../../src/telemetry/alerts/addresses.ts';
import { resolveChannels } from '../../src/telemetry/alerts/channels.ts';
import { post } from '../../src/telemetry/alerts/post.ts';
import { httpServer, isSigned, SECRET } from './sink.ts';

const ALERT: Alert = {
  rule: 'stuck',
  subject: 's',
  text: 'line one\r\nBcc: everybody@example.com <script>',
  caseId: 'c',
  kind: 'raised',
  sinceMs: 0,
  atMs: 0,
  namespace: 'amends',
};
const SENDING = { id: 'd', atMs: Date.now() };

const sent = (url: string, options: { readonly allowPrivate?: boolean; readonly timeoutMs?: number } = {}): Promise<number> =>
  post({ url: new URL(url), body: '{}', headers: {}, allowPrivate: false, timeoutMs: 2_000, ...options });

describe('where alerts are not sent', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '::ffff:168.63.129.16',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a9fe:a9fe',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '2002:7f00:1::',
    'no address',
    '',
  ])('%s is not public', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '192.169.0.1', '2606:4700::1111'])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true);
  });

  test('private addresses in any spelling, and names that lead there, are refused before anything is connected', async () => {
    let connected = 0;
    const server = createServer((socket) => {
      connected++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      for (const host of [
        '127.0.0.1',
        'localhost',
        '2130706433',
        '0x7f.1',
        '0177.0.0.1',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '169.254.169.254',
        '0',
      ]) {
        // A name may lead somewhere else the next time.
        const details = { isFinal: host !== 'localhost' };
        await expect(sent(`http://${host}:${port}/`)).rejects.toMatchObject({ code: 'NOT_ALLOWED', details });
      }
      expect(connected).toBe(0);
      await expect(sent(`http://localhost:${port}/`, { allowPrivate: true })).rejects.toThrow(/socket hang up|ECONNRE/);
      expect(connected).toBeGreaterThan(0);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('answers', () => {
  test('a redirect is not followed', async () => {
    let inner = 0;
    const target = await httpServer((_request, response) => {
      inner++;
      response.end();
    });
    const server = await httpServer((_request, response) => {
      response.writeHead(307, { Location: target.url }).end();
    });
    try {
      const [channel] = resolveChannels([{ kind: 'webhook', url: server.url, secret: SECRET, allowPrivate: true }]);
      await expect(channel!.send(ALERT, SENDING)).rejects.toMatchObject({
        code: 'NOT_ALLOWED',
        message: expect.stringContaining('redirects (307)'),
        details: {},
      });
      expect(inner).toBe(0);
    } finally {
      await server.close();
      await target.close();
    }
  });

  test('a body without an end, and one that would unpack to much, are cut', async () => {
    let cut = 0;
    const endless = await httpServer((_request, response) => {
      response.on('close', () => cut++).writeHead(200);
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(16_384), () => setImmediate(more));
      };
      more();
    });
    const bomb = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000)));
    });
    try {
      expect(await sent(endless.url, { allowPrivate: true, timeoutMs: 10_000 })).toBe(200);
      await expect.poll(() => cut).toBe(1);
      const before = process.memoryUsage().rss;
      expect(await sent(bomb.url, { allowPrivate: true, timeoutMs: 10_000 })).toBe(200);
      expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
    } finally {
      await endless.close();
      await bomb.close();
    }
  });

  test('one that does not come in time is a failure', async () => {
    const server = await httpServer(() => undefined);
    try {
      await expect(sent(server.url, { allowPrivate: true, timeoutMs: 200 })).rejects.toMatchObject({ code: 'OUTCOME_TIMEOUT' });
    } finally {
      await server.close();
    }
  });

  test('a webhook is signed, over time and body; what is wrong with it is seen', async () => {
    const bodies: boolean[] = [];
    const server = await httpServer(({ headers }, response, body) => {
      bodies.push(isSigned(headers, body), isSigned(headers, `${body} `), isSigned({ ...headers, 'amends-signature': 't=1,v1=00' }, body));
      response.end();
    });
    try {
      const [channel] = resolveChannels([{ kind: 'webhook', url: server.url, secret: SECRET, allowPrivate: true }]);
      await channel!.send(ALERT, SENDING);
      expect(bodies).toEqual([true, false, false]);
    } finally {
      await server.close();
    }
  });

  test('Slack gets one line, in which nothing is markup', async () => {
    let text = '';
    const server = await httpServer((_request, response, body) => {
      ({ text } = JSON.parse(body) as { text: string });
      response.end();
    });
    try {
      const [channel] = resolveChannels([{ kind: 'slack', url: server.url, allowPrivate: true }]);
      await channel!.send(ALERT, SENDING);
      expect(text).toBe('[amends] alert (stuck): line one Bcc: everybody@example.com &lt;script&gt;');
    } finally {
      await server.close();
    }
  });
});
