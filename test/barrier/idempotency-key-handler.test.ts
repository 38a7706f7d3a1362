import { connect, saga, step } from 'amends';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { PoolClient } from 'pg';
import request from 'supertest';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { idempotencyHeaders, idempotentHandler, type HttpReply, type HttpRequest } from '../../src/barrier/index.ts';
import { serverUrl } from '../support/server-url.ts';
import { moment, nextKey, useHttpParticipant } from './idempotency-fixture.ts';

const participant = useHttpParticipant();

type Work = (tx: PoolClient, req: HttpRequest, undone: HttpReply) => Promise<HttpReply | void>;

async function book(tx: PoolClient, ref: string, cents: number): Promise<void> {
  await tx.query('INSERT INTO charges (ref, cents) VALUES ($1, $2)', [ref, cents]);
}

/** `POST /charges` and `POST /refunds`, each exactly once. */
function app(charge: Work, refund: Work = async () => undefined): Express {
  const made = express().use(express.json({ limit: '4mb' }));
  made.post('/charges', idempotentHandler(participant.pool, charge, { lockTimeoutMs: 200 }));
  made.post('/refunds', idempotentHandler(participant.pool, refund, { lockTimeoutMs: 200, scope: () => '' }));
  made.use(((error, _req, res, _next) => void res.status(500).send((error as Error).message)) satisfies ErrorRequestHandler);
  return made;
}
const post = (to: Express, key: string, body: object = { cents: 5 }, path = '/charges') =>
  request(to).post(path).set('Idempotency-Key', key).send(body);

test('the work is done once, and a retry gets what it was answered with', async () => {
  const key = nextKey();
  const to = app(async (tx, req) => {
    await book(tx, key, (req.body as { cents: number }).cents);
    return { status: 201, headers: { Location: '/charges/1' }, body: { charge: 'é' } };
  });
  const replies = [await post(to, key), await post(to, key)];
  for (const [i, { status, headers, body }] of replies.entries()) {
    expect([status, headers['location'], body]).toEqual([201, '/charges/1', { charge: 'é' }]);
    expect(headers['idempotent-replayed']).toBe(i === 0 ? undefined : 'true');
  }
  expect((await post(to, key, { cents: 6 })).status).toBe(422);
  expect((await request(to).post('/charges').send({})).status).toBe(400);
  expect((await post(to, key, { deep: 'x'.repeat(2 ** 20) })).status).toBe(413);
  expect(await participant.charged(key)).toBe(5);
});

test('what throws leaves nothing and a retry runs; a refusal that is returned is final', async () => {
  const key = nextKey();
  let broken = true;
  const to = app(async (tx) => {
    await book(tx, key, 5);
    if (broken) throw new Error('out of luck');
    return { status: 409, body: 'out of stock' };
  });
  const failed = await post(to, key);
  expect([failed.status, failed.text]).toEqual([500, 'out of luck']);
  expect(await participant.charged(key)).toBe(0);
  broken = false;
  for (let i = 0; i < 2; i++) expect(await post(to, key)).toMatchObject({ status: 409, body: 'out of stock' });
  expect(await participant.charged(key)).toBe(5);
});

test('409 while it runs elsewhere; ten at once do it once', async () => {
  const key = nextKey();
  const [inside, go] = [moment(), moment()];
  const to = app(async (tx) => {
    await book(tx, key, 5);
    inside.reach();
    await go.reached;
    return { body: 'done' };
  });
  const first = post(to, key).then((reply) => reply);
  await inside.reached;
  const refused = await post(to, key);
  expect([refused.status, refused.headers['retry-after'], refused.headers['content-type']]).toEqual([409, '1', 'application/problem+json']);
  go.reach();
  expect((await first).status).toBe(200);
  const crowd = nextKey();
  const all = await Promise.all(
    Array.from({ length: 10 }, () =>
      post(
        app((tx) => book(tx, crowd, 5)),
        crowd,
      ),
    ),
  );
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([204]));
  expect([await participant.charged(key), await participant.charged(crowd)]).toEqual([5, 5]);
});

test('the session dies before the commit: nothing is there, and a retry runs', async () => {
  const key = nextKey();
  let kill = true;
  const to = app(async (tx) => {
    await book(tx, key, 5);
    if (!kill) return;
    kill = false;
    const { rows } = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const gone = new Promise((resolve) => tx.once('end', resolve));
    await participant.pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await gone;
  });
  expect((await post(to, key)).status).toBe(500);
  expect(await participant.charged(key)).toBe(0);
  expect((await post(to, key)).status).toBe(204);
  expect(await participant.charged(key)).toBe(5);
});

test('a key of Amends: an undo that comes first does nothing, and its action gets 410; one that comes after gets the reply', async () => {
  const ref = nextKey();
  const seen: unknown[] = [];
  const to = app(
    async (tx) => {
      await book(tx, ref, 5);
      return { status: 201, body: { charge: 'c1' } };
    },
    async (tx, _req, undone) => {
      seen.push(undone.body);
      await book(tx, ref, -5);
    },
  );
  for (let i = 0; i < 2; i++) expect((await post(to, `early-${ref}:pay:compensate`, {}, '/refunds')).status).toBe(204);
  for (let i = 0; i < 2; i++) {
    const late = await post(to, `early-${ref}:pay:run`);
    expect([late.status, late.headers['content-type']]).toEqual([410, 'application/problem+json']);
  }
  expect(await participant.charged(ref)).toBe(0);
  expect((await post(to, `${ref}:pay:run`)).status).toBe(201);
  for (let i = 0; i < 2; i++) expect((await post(to, `${ref}:pay:compensate`, {}, '/refunds')).status).toBe(204);
  expect(seen).toEqual([{ charge: 'c1' }]);
  expect(await participant.charged(ref)).toBe(0);
});

test('a saga calls it, with attempts whose answers get lost: charged once, and undone once', async () => {
  const ref = nextKey();
  const server = app(
    async (tx) => {
      await book(tx, ref, 5);
      return { status: 201, body: { charge: 'c1' } };
    },
    (tx) => book(tx, ref, -5),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let [lost, calls] = [0, 0];
  const call = async (path: string, context: { readonly idempotencyKey: string; readonly signal: AbortSignal }) => {
    const headers = { ...idempotencyHeaders(context), 'Content-Type': 'application/json' };
    const reply = await fetch(url + path, { method: 'POST', headers, body: '{"cents":5}', signal: context.signal });
    expect(reply.ok).toBe(true);
    if (++calls % 2 === 1) {
      lost++;
      throw new Error('the answer was lost');
    }
    return reply;
  };
  const any = z.object({});
  const retry = { attempts: 3, delayMs: 1 };
  const pay = step({
    name: 'pay',
    input: any,
    result: z.object({ charge: z.string() }),
    retry,
    compensation: { retry },
    run: async (context) => (await (await call('/charges', context)).json()) as { charge: string },
    compensate: (context) => call('/refunds', context),
  });
  const refuse = step({
    name: 'refuse',
    input: any,
    result: any,
    retry: { attempts: 1 },
    run: () => Promise.reject(new Error('no')),
    compensate: () => undefined,
  });
  const paying = saga({ name: 'paying', version: 1, input: any })
    .step(pay, () => ({}))
    .step(refuse, () => ({}));
  try {
    await using amends = await connect(serverUrl('REDIS_URL'), { namespace: participant.namespace });
    await amends.worker({ sagas: [paying] }).run();
    const run = await amends.start(paying, {}, { id: `order:${ref}` });
    expect((await run.outcome()).status).toBe('compensated');
  } finally {
    server.closeAllConnections();
    server.close();
  }
  expect([lost, calls]).toEqual([2, 4]);
  const { rows } = await participant.pool.query('SELECT cents FROM charges WHERE ref = $1 ORDER BY id', [ref]);
  expect(rows).toEqual([{ cents: 5 }, { cents: -5 }]);
});
