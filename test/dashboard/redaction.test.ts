import request from 'supertest';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { saga, signal, step, StepFailed } from 'amends';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { ask } from './api-client.ts';
import { useBench } from './fixture.ts';

const CARD = '4111-1111-1111-1111';
const PIN = '987654';
const secret = z.string().meta({ redact: true });

const charge = step({
  name: 'charge',
  // Not marked here: the mapper of the saga brings it.
  input: z.object({ number: z.string(), lines: z.array(z.object({ note: z.string().meta({ redact: true }), cents: z.int() })) }),
  result: z.object({ receipt: z.string(), token: secret }),
  run: ({ input }) => ({ receipt: `for ${input.number}`, token: 'tok-secret' }),
  compensate() {
    throw new StepFailed(`card ${CARD} can't be refunded`);
  },
  compensation: { retry: { attempts: 1 } },
});
const pin = signal({ name: 'pin', data: z.object({ pin: secret }) });
const ship = step({
  name: 'ship',
  input: z.object({}),
  result: z.object({}),
  retry: { attempts: 1 },
  run() {
    throw new StepFailed('no carrier');
  },
});

const payment = saga({ name: 'payment', version: 1, input: z.object({ card: secret, cents: z.int() }) })
  .step(charge, ({ input }) => ({ number: input.card, lines: [{ note: 'for a surprise', cents: input.cents }] }))
  .waitFor(pin)
  .step(ship, () => ({}), { pivot: true })
  .returns(() => ({}));

describe.each(STORE_KINDS)('what a schema marks as sensitive on %s', (kind) => {
  const bench = useBench(kind, { apart: true });

  test('is shown nowhere: not where it is marked, nor where a mapper or an error repeats it', async () => {
    await bench.amends.worker({ sagas: [payment] }).run();
    const run = await bench.amends.start(payment, { card: CARD, cents: 120 }, { id: 'pay-1' });
    await eventually(async () => expect((await run.view()).status).toBe('waiting'));
    await run.signal(pin, { pin: PIN });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');

    const { url } = bench.dashboard;
    const path = { id: 'pay-1' };
    const found = await ask(url, 'transaction', { path });
    expect(found.input).toEqual({ card: '[redacted]', cents: 120 });
    expect(found.steps.map(({ name, input, result }) => [name, input, result])).toEqual([
      ['charge', { number: '[redacted]', lines: [{ note: '[redacted]', cents: 120 }] }, { receipt: 'for [redacted]', token: '[redacted]' }],
      ['pin', null, { pin: '[redacted]' }],
      ['ship', {}, null],
    ]);
    expect(found.steps[0]!.error?.message).toBe("card [redacted] can't be refunded");
    const paths = ['transactions/pay-1', 'transactions/pay-1/history', 'transactions/pay-1/attempts', 'inbox', 'transactions'];
    for (const one of [...paths, 'transactions.csv']) {
      const { text } = await request(url).get(`/api/v1/${one}`).expect(200);
      for (const hidden of [CARD, PIN, 'tok-secret', 'for a surprise'])
        expect({ one, has: text.includes(hidden) }).toEqual({ one, has: false });
    }
    // The store has it: the step needs it.
    expect(JSON.stringify(await run.history())).toContain(CARD);
  });
});
