import { expect, test } from 'vitest';
import * as z from 'zod';
import { redactedPaths } from '../../src/flows/redaction.ts';

const secret = z.string().meta({ redact: true });

test('what is marked is found wherever it stands: in objects, lists, records, unions, behind defaults and transforms', () => {
  const schema = z.object({
    card: secret,
    people: z.array(z.object({ name: z.string(), phone: secret.optional() })),
    keys: z.record(z.string(), secret),
    how: z.union([z.object({ iban: secret }), z.object({ cash: z.boolean() })]),
    pin: secret.default('0000'),
    shown: z.string(),
  });
  expect(redactedPaths(schema).map((path) => path.join('.'))).toEqual(
    expect.arrayContaining(['card', 'people.*.phone', 'keys.*', 'how.iban', 'pin']),
  );
  expect(redactedPaths(schema)).toHaveLength(5);
  expect(redactedPaths(z.object({ shown: z.string() }))).toEqual([]);
});

test('it is found however deep it is', () => {
  let deep: z.ZodType = secret;
  const keys = Array.from({ length: 20 }, (_, i) => `level${i}`);
  for (const key of keys.toReversed()) deep = z.object({ [key]: deep });
  expect(redactedPaths(deep)).toEqual([keys]);
});

test('in a schema that contains itself, what is too deep to follow is sensitive as a whole', () => {
  const Person = z.object({
    phone: secret,
    get children() {
      return z.array(Person);
    },
  });
  const paths = redactedPaths(Person);
  const covers = (path: readonly string[]): boolean => paths.some((marked) => marked.every((key, i) => key === path[i]));
  for (let depth = 0; depth < 20; depth++) {
    const under = Array.from({ length: depth }, () => ['children', '*']).flat();
    expect(covers([...under, 'phone'])).toBe(true);
  }
  expect(covers(['children', '*'])).toBe(false);
});

test('a schema that contains itself in very many places is sensitive as a whole', () => {
  const Node: z.ZodType = z.object({
    phone: secret,
    ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`part${i}`, z.lazy(() => Node).optional()])),
  });
  expect(redactedPaths(Node)).toEqual([[]]);
});
