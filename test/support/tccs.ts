import * as z from 'zod';
import type { RetryPolicy } from '../../src/flows/policy.ts';
import { resource, type Resource } from '../../src/flows/resource.ts';
import { tcc, type AnyTcc } from '../../src/flows/tcc.ts';

const anything = z.unknown();
const nothing = (): undefined => undefined;
const TRIES = 3;
const RETRY: RetryPolicy = { attempts: TRIES, backoff: 'exponential', delayMs: 100, maxDelayMs: 150, jitter: 0.5 };

/** A resource for tests of the rules: its code is never run. */
export function plainResource<const Name extends string>(name: Name, renewable = false): Resource<Name, unknown, unknown, unknown> {
  return resource({
    name,
    input: anything,
    hold: anything,
    holdForMs: 60_000,
    ...(renewable ? { renewable, renew: nothing } : {}),
    retry: RETRY,
    confirmation: { retry: RETRY },
    cancellation: { retry: RETRY },
    try: nothing,
    confirm: nothing,
    cancel: nothing,
  });
}

const mapInput = ({ input }: { readonly input: unknown }): unknown => input;

/** The fixture of the scenarios: stock, then credit. */
export const checkout: AnyTcc = tcc({ name: 'checkout', version: 1, input: anything, deadlineMs: 10_000, marginMs: 1_000 })
  .reserve(plainResource('stock'), mapInput)
  .reserve(plainResource('credit'), ({ holds }) => ({ for: holds.stock }))
  .returns(({ holds }) => ({ stock: holds.stock }));

/** Two at once, then a third. */
export const parallelCheckout: AnyTcc = tcc({ name: 'parallel_checkout', version: 1, input: anything, deadlineMs: 10_000, marginMs: 1_000 })
  .parallel((all) => all.reserve(plainResource('stock'), mapInput).reserve(plainResource('seat'), mapInput))
  .reserve(plainResource('credit'), mapInput);
