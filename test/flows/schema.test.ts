import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { isSchema, parseWith } from '../../src/flows/schema.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';

/** A schema that is not zod's, written from the specification alone: digits in, number out. */
const digits: StandardSchemaV1<string, number> = {
  '~standard': {
    version: 1,
    vendor: 'handmade',
    validate: (value) =>
      typeof value === 'string' && /^\d+$/.test(value) ? { value: Number(value) } : { issues: [{ message: 'expected digits' }] },
  },
};

function failing(path: StandardSchemaV1.Issue['path']): StandardSchemaV1 {
  return {
    '~standard': {
      version: 1,
      vendor: 'handmade',
      validate: () => ({ issues: [path === undefined ? { message: 'no' } : { message: 'no', path }] }),
    },
  };
}

/** Whether the schema answers at once or later. */
const parse = async (...given: Parameters<typeof parseWith>): Promise<unknown> => parseWith(...given);

test('any Standard Schema parses', async () => {
  expect(await parseWith(digits, '42', 'x')).toBe(42);
  expect(await parseWith(z.object({ n: z.coerce.number() }), { n: '1' }, 'x')).toEqual({ n: 1 });
});

test('one that answers later does as well', async () => {
  const later: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'handmade', validate: async (value) => ({ value: [value] }) } };
  expect(await parseWith(later, 1, 'x')).toEqual([1]);
});

test('one that is a function, as some libraries have it', async () => {
  const callable = Object.assign((): void => undefined, digits);
  expect(isSchema(callable)).toBe(true);
  expect(await parseWith(callable, '7', 'x')).toBe(7);
});

test.each([null, undefined, 1, 'z.string()', {}, { parse: () => 1 }])('%j is no schema', (value) => {
  expect(isSchema(value)).toBe(false);
});

test('S95 all issues are told at once, each with its path', async () => {
  const order = z.object({ customer: z.object({ id: z.string() }), items: z.array(z.object({ sku: z.string() })) });
  await expect(parse(order, { customer: {}, items: [{ sku: 'a' }, { sku: 5 }] }, 'the input of saga "order"')).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringMatching(/^the input of saga "order" does not fit its schema: customer\.id: .+; items\.1\.sku: .+$/),
    details: { issues: [{ path: 'customer.id' }, { path: 'items.1.sku' }] },
  });
});

test.each<[string, StandardSchemaV1.Issue['path'], string]>([
  ['none', undefined, 'no'],
  ['empty', [], 'no'],
  ['keys', ['a', 0, 'b'], 'a.0.b: no'],
  ['segments', [{ key: 'a' }, { key: 1 }], 'a.1: no'],
  ['a symbol', [Symbol('s')], 'Symbol(s): no'],
])('the path of an issue: %s', async (_what, path, text) => {
  await expect(parse(failing(path), 1, 'x')).rejects.toThrow(`x does not fit its schema: ${text}`);
});

test('another code where it says more', async () => {
  await expect(parse(digits, 'x', 'the limit', 'INVALID_OPTION')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});

test('a saga made of schemas that are not zod', () => {
  const count = step({ name: 'count', input: digits, result: digits, run: ({ input }) => input + 1, compensate: () => undefined });
  const built = saga({ name: 'counting', version: 1, input: digits }).step(count, ({ input }) => String(input));
  expect(built.bindings.bind('count', { input: 41, results: {} })).toEqual({ skip: false, args: '41' });
});
