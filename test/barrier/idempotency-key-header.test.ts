import { describe, expect, test } from 'vitest';
import { idempotencyHeaders, parseIdempotencyKey } from '../../src/barrier/index.ts';
import { operationOf } from '../../src/barrier/idempotency-key-request.ts';
import { idempotencyKey } from '../../src/workers/operation.ts';

describe('the header Idempotency-Key', () => {
  test.each([
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['  "a b, c; d"  ', 'a b, c; d'],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ['"abc";v=1; w="x"', 'abc'],
    ['order:1@shop/a.b+c=d~e:charge_payment:run', 'order:1@shop/a.b+c=d~e:charge_payment:run'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${String.raw`\"`.repeat(255)}"`, '"'.repeat(255)],
  ])('%s is understood', (header, key) => expect(parseIdempotencyKey(header)).toBe(key));

  test.each([
    undefined,
    '',
    '""',
    '   ',
    'a, b',
    '"a", "b"',
    ['"a"', '"b"'],
    '"abc',
    'abc"',
    '"a"b"',
    String.raw`"a\b"`,
    '"é"',
    'é',
    'a b',
    'a;b',
    '"a\u0000"',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    'x'.repeat(100_000),
  ])('%j is refused', (header) => {
    let refusal: unknown;
    try {
      parseIdempotencyKey(header);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ status: 400, code: 'INVALID_INPUT', title: expect.stringContaining('The Idempotency-Key is') });
  });

  test('what a step sends comes back as its key, and says which operation it is', () => {
    for (const op of ['run', 'compensate'] as const) {
      const gid = 'order:7@shop/2026:x';
      const key = idempotencyKey(gid, 'charge_payment', op);
      expect(parseIdempotencyKey(idempotencyHeaders({ idempotencyKey: key })['Idempotency-Key'])).toBe(key);
      expect(operationOf(key)).toEqual({ gid, branchId: 'charge_payment', op });
    }
    expect(parseIdempotencyKey(idempotencyHeaders({ idempotencyKey: String.raw`a"b\c` })['Idempotency-Key'])).toBe(String.raw`a"b\c`);
  });

  test.each(['8e03978e', 'a:b:refund', ':b:run', 'a:1b:run', 'a::run', 'b:run'])('%s is an action of its own', (key) => {
    expect(operationOf(key)).toEqual({ gid: key, branchId: 'request', op: 'run' });
  });
});
