import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga, step } from 'amends';
import { Redaction } from '../../src/machine/redaction.ts';
import type { Json } from '../../src/flows/json.ts';

const secret = z.string().meta({ redact: true });
const pay = step({ name: 'pay', input: z.object({}), result: z.object({}), run: () => ({}) });

function redaction(input: Record<string, Json>, keys: readonly string[]): Redaction {
  const schema = z.object(Object.fromEntries(keys.map((key) => [key, secret])));
  const { plan } = saga({ name: 'payment', version: 1, input: schema }).step(pay, () => ({}), { pivot: true });
  return new Redaction(plan, { input, steps: {}, signals: {} });
}

test('a sensitive text is found within others; one of three characters as a word; a shorter one where it is marked only', () => {
  const input = { card: '4111-1111', cvv: '123', sign: 'a+b', day: '07' };
  const found = redaction(input, Object.keys(input));
  expect(found.input(input)).toEqual({ card: '[redacted]', cvv: '[redacted]', sign: '[redacted]', day: '[redacted]' });
  expect(found.text('x4111-1111x')).toBe('x[redacted]x');
  expect(found.text('cvv 123 (123), not 1234 or A123; a+b but aab')).toBe(
    'cvv [redacted] ([redacted]), not 1234 or A123; [redacted] but aab',
  );
  expect(found.text('on the 07th, at 07')).toBe('on the 07th, at 07');
  expect(found.rest({ code: '123', attempt: 123, list: ['4111-1111', 7] })).toEqual({
    code: '[redacted]',
    attempt: 123,
    list: ['[redacted]', 7],
  });
});
