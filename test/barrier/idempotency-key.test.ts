import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import express, { type Express, type RequestHandler } from 'express';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import {
  barrierContextOf,
  idempotencyKey,
  pgReplies,
  withBarrier,
  type IdempotencyKeyOptions,
  type ReplyStore,
} from '../../src/barrier/index.ts';
import { eventually } from '../support/eventually.ts';
import { moment, nextKey, useHttpParticipant } from './idempotency-fixture.ts';

const participant = useHttpParticipant();

async function listening(app: Express): Promise<Server> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe.each(['PostgreSQL', 'Redis'] as const)('replies kept in %s', (kind) => {
  /** An app of its own process, so to speak: only the store is shared. */
  function app(
    handler: RequestHandler,
    options: Partial<IdempotencyKeyOptions> = {},
    before: RequestHandler[] = [express.json()],
  ): Express {
    const made = express();
    made.all('/charges', ...before, idempotencyKey({ store: participant.store(kind), ...options }), handler);
    return made;
  }
  /** Charges, and says how often it was asked. */
  function charging(
    key: string,
    reply: (res: express.Response, times: number) => void = (res, times) => void res.status(201).json({ times }),
  ) {
    let times = 0;
    const handler: RequestHandler = async (_req, res) => {
      times++;
      await participant.charge(key, 5);
      reply(res, times);
    };
    return handler;
  }
  const post = (to: Express, key: string | undefined, body: object = { cents: 5 }) => {
    const asked = request(to).post('/charges');
    return (key === undefined ? asked : asked.set('Idempotency-Key', key)).send(body);
  };

  test('a retry gets status, body and the headers about them, and nothing is done', async () => {
    const key = nextKey();
    const to = app(
      charging(key, (res, times) => {
        res
          .status(201)
          .location('/charges/1')
          .set({ 'Set-Cookie': 'session=1', 'X-Charge': 'c1', 'X-Other': 'o1' })
          .json({ times, é: '✓' });
      }),
      { headers: ['X-Charge'] },
    );
    const first = await post(to, key);
    const second = await post(to, `"${key}"`);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.headers).toMatchObject({
      'idempotent-replayed': 'true',
      location: '/charges/1',
      'x-charge': 'c1',
      etag: first.headers.etag,
    });
    expect(second.headers).toMatchObject({
      'content-type': first.headers['content-type'],
      'content-length': first.headers['content-length'],
    });
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(second.headers['x-other']).toBeUndefined();
    for (const { status, body } of [first, second])
      expect({ status, body: body as unknown }).toEqual({ status: 201, body: { times: 1, é: '✓' } });
    expect(await participant.charged(key)).toBe(5);
  });

  test.each<[string, (res: express.Response) => void, number, string]>([
    ['nothing', (res) => void res.status(204).end(), 204, ''],
    ['a refusal', (res) => void res.status(402).send('no money'), 402, 'no money'],
    ['pieces', (res) => void (res.write('a'), res.write(Buffer.from('b')), res.end('63', 'hex')), 200, 'abc'],
    ['raw node', (res) => void res.writeHead(202, 'Fine', { 'Content-Type': 'text/plain' }).end('raw'), 202, 'raw'],
    ['raw pairs', (res) => void res.writeHead(202, ['Content-Type', 'text/plain']).end('raw'), 202, 'raw'],
    ['a stream', (res) => void Readable.from(['a', 'b', 'c']).pipe(res.type('text/plain')), 200, 'abc'],
    ['two replies', (res) => void (res.status(200).send('first'), res.end('second'), res.write('third')), 200, 'first'],
  ])('%s comes back as it was', async (_, reply, status, text) => {
    const key = nextKey();
    const to = app(charging(key, reply));
    const replies = [await post(to, key), await post(to, key)];
    for (const [i, got] of replies.entries()) {
      expect([got.status, got.text ?? '', got.headers['content-type']]).toEqual([status, text, replies[0]!.headers['content-type']]);
      expect(got.headers['idempotent-replayed']).toBe(i === 0 ? undefined : 'true');
    }
    expect(await participant.charged(key)).toBe(5);
  });

  test('400 without a key or with one that can not be one, as problem+json; where it is not required, it passes', async () => {
    const key = nextKey();
    const to = app(charging(key));
    for (const bad of [undefined, '""', 'a b', 'x'.repeat(256)]) {
      const refused = await post(to, bad);
      expect(refused.status).toBe(400);
      expect(refused.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(refused.text)).toMatchObject({
        status: 400,
        title: expect.stringContaining('Idempotency-Key'),
        detail: expect.any(String),
      });
    }
    expect((await request(to).get('/charges')).status).toBe(201);
    expect((await post(app(charging(key), { required: false }), undefined)).status).toBe(201);
    expect(await participant.charged(key)).toBe(10);
  });

  test('409 while it runs, of ten at once nine; then the reply', async () => {
    const key = nextKey();
    const [inside, go] = [moment(), moment()];
    const charge = charging(key);
    const handler: RequestHandler = async (...args) => {
      inside.reach();
      await go.reached;
      return charge(...args);
    };
    let answered = 0;
    const all = Array.from({ length: 10 }, () =>
      post(app(handler), key).then((reply) => {
        answered++;
        return reply;
      }),
    );
    await inside.reached;
    const refused = await post(app(handler), key);
    expect([refused.status, refused.headers['retry-after'], refused.headers['content-type']]).toEqual([
      409,
      '1',
      'application/problem+json',
    ]);
    await eventually(() => expect(answered).toBe(9));
    go.reach();
    const statuses = (await Promise.all(all)).map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
    expect((await post(app(handler), key)).headers['idempotent-replayed']).toBe('true');
    expect(await participant.charged(key)).toBe(5);
  });

  test('422 for another body, URL or method, also while it runs; the order of keys is no difference', async () => {
    const key = nextKey();
    const to = app(charging(key));
    await post(to, key, { cents: 5, to: 'a' });
    const others = [
      post(to, key, { cents: 6, to: 'a' }),
      request(to).post('/charges?x=1').set('Idempotency-Key', key).send({ cents: 5, to: 'a' }),
      request(to).put('/charges').set('Idempotency-Key', key).send({ cents: 5, to: 'a' }),
    ];
    for (const refused of await Promise.all(others)) {
      expect([refused.status, refused.headers['content-type']]).toEqual([422, 'application/problem+json']);
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'BARRIER_MISMATCH' });
    }
    expect((await post(to, key, { to: 'a', cents: 5 })).status).toBe(201);
    expect(await participant.charged(key)).toBe(5);
  });

  test('callers with the same key do not see each other', async () => {
    const key = nextKey();
    const to = app(charging(key), { scope: (req) => String(req.headers['x-user']) });
    for (const user of ['ann', 'ben', 'ann']) await post(to, key).set('X-User', user).expect(201);
    expect(await participant.charged(key)).toBe(10);
  });

  test.each<[string, RequestHandler, number]>([
    ['500', (_req, res) => void res.status(503).send('later'), 503],
    ['an error that is thrown', () => Promise.reject(new Error('out of luck')), 500],
    ['an error in the middle of a reply', (_req, res) => void (res.status(200).write('half'), res.status(500).end()), 500],
    ['429', (_req, res) => void res.status(429).send('slowly'), 429],
  ])('%s lets the key go, and a retry runs', async (_, failing, status) => {
    const key = nextKey();
    let calls = 0;
    const charge = charging(key);
    const quiet: express.ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).send('failed');
    const to = app((req, res, next) => (++calls <= 2 ? failing(req, res, next) : charge(req, res, next)));
    to.use(quiet);
    for (let i = 0; i < 2; i++) expect((await post(to, key)).status).toBe(status);
    const done = await post(to, key);
    expect([done.status, done.headers['idempotent-replayed']]).toEqual([201, undefined]);
    expect((await post(to, key)).headers['idempotent-replayed']).toBe('true');
    expect(await participant.charged(key)).toBe(5);
  });

  describe('bodies', () => {
    const echo: RequestHandler = (req, res) => {
      const body = req.body as unknown;
      res.send(body instanceof Buffer ? createHash('sha1').update(body).digest('hex') : JSON.stringify(body ?? null));
    };

    test('one that nobody has parsed is read as it comes, in pieces too, and compared', async () => {
      const key = nextKey();
      const server = await listening(app(echo, {}, []));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`;
      const bytes = Buffer.alloc(300_000, 'é');
      const pieces = () => Readable.toWeb(Readable.from([bytes.subarray(0, 7), bytes.subarray(7, 200_000), bytes.subarray(200_000)]));
      const send = async (body: unknown) =>
        fetch(url, {
          method: 'POST',
          body,
          headers: { 'Idempotency-Key': key, 'Content-Type': 'application/octet-stream' },
          duplex: 'half',
        } as RequestInit);
      try {
        const digest = createHash('sha1').update(bytes).digest('hex');
        const replies = [await send(pieces()), await send(bytes), await send(bytes.subarray(1))];
        expect(replies.map(({ status }) => status)).toEqual([200, 200, 422]);
        expect([await replies[0]!.text(), await replies[1]!.text()]).toEqual([digest, digest]);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

    test('one without a body, one of text, one with a fingerprint of its own', async () => {
      const key = nextKey();
      const bare = () => request(app(echo)).post('/charges').set('Idempotency-Key', key);
      expect([(await bare()).text, (await bare()).headers['idempotent-replayed'], (await bare().send({})).status]).toEqual([
        'null',
        'true',
        422,
      ]);
      const text = nextKey();
      const textual = app(echo, {}, [express.text()]);
      const say = (what: string) => request(textual).post('/charges').set('Idempotency-Key', text).type('text').send(what);
      expect([(await say('a')).status, (await say('a')).status, (await say('b')).status]).toEqual([200, 200, 422]);
      const file = nextKey();
      const upload = app(echo, { fingerprint: (req) => req.headers['x-file'] });
      const put = (name: string) => post(upload, file, {}).set('X-File', name);
      expect([(await put('a')).status, (await put('a')).status, (await put('b')).status]).toEqual([200, 200, 422]);
    });

    test.each<[string, RequestHandler[]]>([
      ['parsed', [express.json({ limit: '1mb' })]],
      ['not parsed', []],
    ])('a large one, %s, is refused with 413 before anything runs, whether it says its length or not', async (_, before) => {
      const key = nextKey();
      const server = await listening(app(charging(key), { maxBodyBytes: 1000 }, before));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`;
      const text = JSON.stringify({ text: 'x'.repeat(100_000) });
      const headers = { 'Idempotency-Key': key, 'Content-Type': 'application/json' };
      try {
        for (const body of [text, Readable.toWeb(Readable.from([Buffer.from(text)]))]) {
          const refused = await fetch(url, { method: 'POST', headers, body, duplex: 'half' });
          expect([refused.status, refused.headers.get('content-type')]).toEqual([413, 'application/problem+json']);
        }
        expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(201);
      } finally {
        server.closeAllConnections();
        server.close();
      }
      expect(await participant.charged(key)).toBe(5);
    });

    test('one that is deep, encoded, or was read by somebody else is not guessed at', async () => {
      const key = nextKey();
      const to = app(charging(key));
      const deep = await request(to)
        .post('/charges')
        .set('Idempotency-Key', key)
        .type('json')
        .send(`${'['.repeat(500)}${']'.repeat(500)}`);
      expect(deep.status).toBe(413);
      const encoded = await request(app(charging(key), {}, []))
        .post('/charges')
        .set({ 'Idempotency-Key': key, 'Content-Encoding': 'gzip' })
        .send('x');
      expect(encoded.status).toBe(415);
      const readBefore: RequestHandler = (req, _res, next) => void req.resume().on('end', () => next());
      const lost = app(charging(key), {}, [readBefore]);
      lost.use(((error, _req, res, _next) => void res.status(500).send((error as Error).message)) satisfies express.ErrorRequestHandler);
      expect((await post(lost, key)).text).toContain('is not in req.body');
      expect(await participant.charged(key)).toBe(0);
    });

    test('a caller that is gone in the middle of its body has done nothing', async () => {
      const key = nextKey();
      const failed = moment();
      const made = app(charging(key), {}, []);
      const server = await listening(made);
      server.on('connection', (socket) => socket.on('close', () => failed.reach()));
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.write(`POST /charges HTTP/1.1\r\nHost: x\r\nIdempotency-Key: ${key}\r\nContent-Length: 10\r\n\r\nhalf`, () =>
        socket.destroy(),
      );
      await failed.reached;
      server.close();
      expect((await post(made, key)).status).toBe(201);
      expect(await participant.charged(key)).toBe(5);
    });
  });

  test('a reply that is too large to be kept goes out whole, and a retry does not run', async () => {
    const key = nextKey();
    const large = 'x'.repeat(5000);
    const to = app(
      charging(key, (res) => {
        for (let i = 0; i < 10; i++) res.write(large);
        res.end();
      }),
      { maxReplyBytes: 6000 },
    );
    const first = await post(to, key);
    expect([first.status, Number(first.text?.length ?? (first.body as Buffer).length)]).toEqual([200, 50_000]);
    const again = await post(to, key);
    expect([again.status, again.headers['content-type']]).toEqual([500, 'application/problem+json']);
    expect(await participant.charged(key)).toBe(5);
  });

  describe('a process that dies', () => {
    /** Its handler has its effect and never answers; nothing renews its lease, as its caller has hung up. */
    async function dies(key: string, handler: RequestHandler, options: Partial<IdempotencyKeyOptions>): Promise<void> {
      const server = await listening(app(handler, options));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`;
      const gone = new AbortController();
      const asked = fetch(url, {
        method: 'POST',
        headers: { 'Idempotency-Key': key, 'Content-Type': 'application/json' },
        body: '{"cents":5}',
        signal: gone.signal,
      }).catch(() => undefined);
      await eventually(async () => expect(await participant.charged(key)).toBe(5));
      gone.abort();
      await asked;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const options = { leaseMs: 300 };

    test('between effect and reply: 409 until its lease is over, then the retry runs; that is why there is a barrier', async () => {
      const key = nextKey();
      const barred: RequestHandler = async (req, res) => {
        const reply = await withBarrier(participant.pool, await barrierContextOf(req), async (tx) => {
          await tx.query('INSERT INTO charges (ref, cents) VALUES ($1, 5)', [key]);
          return { charge: 'c1' };
        });
        if (key in dead) return; // it never answers
        res.status(201).json(reply);
      };
      const dead: Record<string, true> = { [key]: true };
      await dies(key, barred, options);
      expect((await post(app(barred, options), key)).status).toBe(409);
      delete dead[key];
      const done = await eventually(async () => {
        const reply = await post(app(barred, options), key);
        expect(reply.status).toBe(201);
        return reply;
      });
      expect(done.body).toEqual({ charge: 'c1' });
      expect(await participant.charged(key)).toBe(5);
    });

    test('without a barrier its effect is there twice, and another request can not take its key', async () => {
      const key = nextKey();
      const hung: RequestHandler = async () => participant.charge(key, 5);
      await dies(key, hung, options);
      await eventually(async () => expect((await post(app(charging(key), options), key, { cents: 6 })).status).toBe(422));
      await eventually(async () => expect((await post(app(charging(key), options), key)).status).toBe(201));
      expect(await participant.charged(key)).toBe(10);
    });
  });

  test('a request that takes longer than its lease keeps it', async () => {
    const key = nextKey();
    const store = participant.store(kind);
    const renewals: boolean[] = [];
    const watched: ReplyStore = { ...store, renew: async (...args) => (renewals.push(await store.renew(...args)), renewals.at(-1)!) };
    const go = moment();
    const charge = charging(key);
    const slow = app(
      async (...args) => {
        await go.reached;
        return charge(...args);
      },
      { store: watched, leaseMs: 300 },
    );
    const running = post(slow, key).then((reply) => reply);
    await eventually(() => expect(renewals.length).toBeGreaterThan(6));
    expect((await post(slow, key)).status).toBe(409);
    go.reach();
    expect((await running).status).toBe(201);
    expect(new Set(renewals)).toEqual(new Set([true]));
    expect(await participant.charged(key)).toBe(5);
  });

  test('a store that is away: nothing runs; one that goes away meanwhile: the reply goes out and it is told', async () => {
    const key = nextKey();
    const away = () => Promise.reject(new Error('the store is away'));
    const store = participant.store(kind);
    const down = app(charging(key), { store: { ...store, begin: away } });
    down.use(((_error, _req, res, _next) => void res.status(503).end()) satisfies express.ErrorRequestHandler);
    expect((await post(down, key)).status).toBe(503);
    expect(await participant.charged(key)).toBe(0);
    const told: unknown[] = [];
    const half = app(charging(key), { store: { ...store, finish: away }, onError: (error) => told.push(error) });
    expect((await post(half, key)).status).toBe(201);
    expect(told).toMatchObject([{ message: 'the store is away' }]);
    expect((await post(half, key)).status).toBe(409);
  });

  test('a key that was taken over is not written by the one that lost it', async () => {
    const store = participant.store(kind);
    const [first, second] = ['one', 'two'].map((owner) => ({ scope: '', key: `taken-${kind}`, owner }));
    const reply = { status: 200, headers: {}, body: Buffer.from('first') };
    expect(await store.begin(first!, 'f', 1)).toEqual({ kind: 'begun' });
    await eventually(async () => expect(await store.begin(second!, 'f', 60_000)).toEqual({ kind: 'begun' }));
    expect([await store.renew(first!, 60_000), await store.finish(first!, reply)]).toEqual([false, false]);
    await store.release(first!);
    expect(await store.begin(first!, 'f', 1000)).toEqual({ kind: 'running' });
    expect(await store.begin(first!, 'g', 1000)).toEqual({ kind: 'mismatch' });
    expect(await store.finish(second!, { ...reply, body: Buffer.from([0, 255, 10]) })).toBe(true);
    expect(await store.begin(first!, 'f', 1000)).toEqual({ kind: 'finished', reply: { ...reply, body: Buffer.from([0, 255, 10]) } });
    await store.release(second!); // too late
    expect((await store.begin(first!, 'f', 1000)).kind).toBe('finished');
  });

  test('a reply is forgotten after its retention', async () => {
    const store = participant.store(kind, { retentionMs: 1000 });
    const key = { scope: '', key: `forgotten-${kind}`, owner: 'one' };
    await store.begin(key, 'f', 100);
    await store.finish(key, { status: 200, headers: {}, body: Buffer.alloc(0) });
    expect((await store.begin(key, 'f', 100)).kind).toBe('finished');
    await eventually(async () => expect((await store.begin(key, 'another', 100)).kind).toBe('begun'));
  });

  test('a hundred at once take a key once', async () => {
    const store = participant.store(kind);
    const tries = Array.from({ length: 100 }, (_, i) => store.begin({ scope: '', key: `crowd-${kind}`, owner: `o${i}` }, 'f', 60_000));
    const kinds = (await Promise.all(tries)).map((begun) => begun.kind);
    expect(kinds.filter((one) => one === 'begun')).toHaveLength(1);
    expect(new Set(kinds)).toEqual(new Set(['begun', 'running']));
  });

  test.each([{ retentionMs: 0 }, { retentionMs: Number.NaN }, { retentionMs: 1e15 }, { sagas: [] }])('%j is refused', (retention) => {
    expect(() => participant.store(kind, retention)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

test.each([{ leaseMs: 1 }, { maxReplyBytes: -1 }, { maxBodyBytes: 0.5 }, { store: undefined }])('%j is refused', (options) => {
  expect(() => idempotencyKey({ store: participant.store('Redis'), ...options } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
});

test('the table is made once, in any schema, by ten at once, and emptied of what is over', async () => {
  await participant.pool.query('CREATE SCHEMA "Payments"');
  const store = pgReplies(participant.pool, { schema: 'Payments', retentionMs: 1000 });
  await Promise.all(Array.from({ length: 10 }, () => store.install()));
  const reply = { status: 200, headers: {}, body: Buffer.alloc(0) };
  for (const key of ['a', 'b']) {
    const held = { scope: '', key, owner: 'one' };
    await store.begin(held, 'f', 100);
    if (key === 'a') await store.finish(held, reply);
    else await store.renew(held, 3_600_000);
  }
  await eventually(async () => expect(await store.purge()).toBe(1));
  expect(await store.purge()).toBe(0);
  expect((await store.begin({ scope: '', key: 'b', owner: 'two' }, 'f', 100)).kind).toBe('running');
  expect(() => pgReplies(participant.pool, { schema: 'a"b' })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
