import { expectTypeOf, test } from 'vitest';
import type { Saga } from '../../src/flows/saga.ts';
import { sixtySteps } from './sixty-steps.ts';

test('results are still known after 60 steps', () => {
  type Types = typeof sixtySteps extends Saga<infer In, infer Output, infer Results> ? { in: In; output: Output; results: Results } : never;
  expectTypeOf<Types['in']>().toEqualTypeOf<{ customer: string; cents: number; gift: boolean }>();
  expectTypeOf<Types['output']>().toEqualTypeOf<{ first: string; last: string; maybe: string | undefined }>();
  expectTypeOf<Types['results']>().toExtend<{ readonly s2: { id2: string }; readonly s57: { id57: string } | undefined }>();
});
