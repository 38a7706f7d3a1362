import { expect, test } from 'vitest';
import * as z from 'zod';
import { Definitions } from '../../src/flows/definitions.ts';
import { saga } from '../../src/flows/saga.ts';
import { plainStep } from '../support/sagas.ts';
import { refusal } from './refusal.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;
const [first, second] = [1, 2].map((version) => saga({ name: 'order', version, input }).step(plainStep('a'), from));

test('O12 several versions of a saga are known side by side', () => {
  const known = new Definitions();
  known.add(first!);
  known.add(second!);
  known.add(first!); // again is harmless
  expect(known.find('order', 1)).toBe(first);
  expect(known.find('order', 2)).toBe(second);
  expect(known.find('order', 3)).toBeUndefined();
  expect(known.find('other', 1)).toBeUndefined();
});

test('O14 a plan that changed without a new version is refused, the code of the same plan is not', () => {
  const known = new Definitions();
  known.add(first!);
  const tuned = saga({ name: 'order', version: 1, input }).step(plainStep('a', { retry: { attempts: 1 } }), () => 'other');
  known.add(tuned);
  expect(known.find('order', 1)).toBe(tuned);
  const longer = tuned.step(plainStep('b'), from);
  expect(() => known.add(longer)).toThrow(
    refusal(
      /^saga "order" version 1 is known with other steps: .* give this one version 2 and keep the old one registered/,
      'PLAN_CHANGED',
    ),
  );
  expect(known.find('order', 1), 'and the old one stays').toBe(tuned);
});
