import { expect, test } from 'vitest';
import * as z from 'zod';
import { implement } from '../../src/flows/implement.ts';
import { step } from '../../src/flows/step.ts';
import { refusal } from './refusal.ts';

const input = z.object({ cents: z.number() });
const result = z.object({ chargeId: z.string() });
const contract = step({ name: 'charge', service: 'payments', input, result });
const run = (): { chargeId: string } => ({ chargeId: 'c' });

/** What plain JavaScript, or a type assertion, can still pass. */
function wrong(value: unknown): never {
  return value as never;
}

test('a contract has a name, a service, schemas and complete policies, and no code', () => {
  expect(contract).toMatchObject({
    kind: 'step',
    name: 'charge',
    service: 'payments',
    handler: undefined,
    policy: { timeoutMs: 30_000, retry: { attempts: 5, backoff: 'exponential', delayMs: 200, maxDelayMs: 30_000, jitter: 0.5 } },
    compensationPolicy: { timeoutMs: 30_000, retry: { attempts: 10 } },
  });
  expect(contract.input).toBe(input);
});

test('a contract can not be changed afterwards, nor can its policies', () => {
  for (const part of [contract, contract.policy, contract.policy.retry, contract.compensationPolicy.retry]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

test('an inline step holds its code and needs no service', () => {
  const inline = step({ name: 'charge', input, result, run, compensate: () => undefined, verify: async () => 'unknown' });
  expect(inline.service).toBeUndefined();
  expect(Object.keys(inline.handler ?? {})).toEqual(['run', 'compensate', 'verify']);
  expect(Object.isFrozen(inline.handler)).toBe(true);
});

test('policies are filled in one by one', () => {
  const tuned = step({
    name: 'charge',
    service: 's',
    input,
    result,
    timeoutMs: 5,
    retry: { attempts: 2 },
    compensation: { retry: { jitter: 0 } },
  });
  expect(tuned.policy).toEqual({ timeoutMs: 5, retry: { ...contract.policy.retry, attempts: 2 } });
  expect(tuned.compensationPolicy).toEqual({ timeoutMs: 30_000, retry: { ...contract.compensationPolicy.retry, jitter: 0 } });
});

test.each([
  ['timeoutMs', { timeoutMs: 0 }, 'step "charge": timeoutMs is 0: give a whole number from 1 to 2000000000'],
  ['timeoutMs', { timeoutMs: Infinity }, 'step "charge": timeoutMs is Infinity: give a whole number from 1 to 2000000000'],
  ['timeoutMs', { timeoutMs: 2 ** 31 }, 'step "charge": timeoutMs is 2147483648: give a whole number from 1 to 2000000000'],
  ['timeoutMs', { timeoutMs: '30s' }, 'step "charge": timeoutMs is 30s: give a whole number from 1 to 2000000000'],
  ['attempts', { retry: { attempts: 0 } }, 'step "charge": retry.attempts is 0: give a whole number from 1 to 1000000'],
  ['attempts', { retry: { attempts: 1.5 } }, 'step "charge": retry.attempts is 1.5: give a whole number from 1 to 1000000'],
  ['attempts', { retry: { attempts: NaN } }, 'step "charge": retry.attempts is NaN: give a whole number from 1 to 1000000'],
  ['delayMs', { retry: { delayMs: -1 } }, 'step "charge": retry.delayMs is -1: give a whole number from 0 to 2000000000'],
  [
    'maxDelayMs',
    { retry: { maxDelayMs: 1e12 } },
    'step "charge": retry.maxDelayMs is 1000000000000: give a whole number from 0 to 2000000000',
  ],
  ['jitter', { retry: { jitter: 1.1 } }, 'step "charge": retry.jitter is 1.1: give a number from 0 to 1'],
  ['backoff', { retry: { backoff: 'linear' } }, `step "charge": retry.backoff is linear: give 'fixed' or 'exponential'`],
  [
    'compensation',
    { compensation: { timeoutMs: -5 } },
    'step "charge": compensation: timeoutMs is -5: give a whole number from 1 to 2000000000',
  ],
  [
    'compensation',
    { compensation: { retry: { attempts: 0 } } },
    'step "charge": compensation: retry.attempts is 0: give a whole number from 1 to 1000000',
  ],
])('a policy that makes no sense is refused: %s', (_what, policy, message) => {
  expect(() => step({ name: 'charge', service: 's', input, result, ...(policy as object) })).toThrow(refusal(message));
});

test('what is missing is named', () => {
  expect(() => step(wrong({ name: 'charge', service: 's', input }))).toThrow(
    refusal('step "charge": give input and result, each a schema such as z.object({ … })'),
  );
  expect(() => step(wrong({ name: 'charge', service: 's', input: {}, result: null }))).toThrow(
    refusal(/^step "charge": give input and result/),
  );
  expect(() => step({ name: 'charge', input, result })).toThrow(
    refusal(`step "charge": say which service runs it (service: '…'), or give its code here (run: …)`),
  );
  expect(() => step({ name: 'charge', service: 's', input, result, compensate: () => undefined })).toThrow(
    refusal('step "charge": compensate and verify go with run; give all of them here or in implement()'),
  );
  expect(() => step({ name: 'charge', service: 's', input, result, verify: async () => 'unknown' })).toThrow(
    refusal('step "charge": compensate and verify go with run; give all of them here or in implement()'),
  );
});

test('code that can not be called is refused', () => {
  expect(() => step({ name: 'charge', input, result, run: wrong('charge()') })).toThrow(
    refusal('step "charge": run is a string: give a function'),
  );
  expect(() => step({ name: 'charge', input, result, run, compensate: wrong({}) })).toThrow(
    refusal('step "charge": compensate is a object: give a function'),
  );
  expect(() => implement(contract, { run, verify: wrong(true) })).toThrow(refusal('step "charge": verify is a boolean: give a function'));
});

test('a name that can not be a key, a queue or a label is refused', () => {
  expect(() => step({ name: 'charge card', service: 's', input, result })).toThrow(
    refusal(`"charge card" can't be the name of a step: use 1 to 64 letters, digits, _ and -, starting with a letter`),
  );
  expect(() => step({ name: 'charge', service: 'pay:ments', input, result })).toThrow(
    refusal(/^"pay:ments" can't be the name of a service: use 1 to 64/),
  );
});

test('implement() keeps the contract and the code, frozen', () => {
  const handler = { run };
  const payments = implement(contract, handler);
  expect(payments.step).toBe(contract);
  expect(payments.handler).toBe(handler);
  expect(Object.isFrozen(payments)).toBe(true);
});

test('implement() refuses what it can not use', () => {
  const inline = step({ name: 'charge', input, result, run });
  expect(() => implement(inline, { run })).toThrow(refusal('step "charge" has its code inline: drop either that or this implement()'));
  expect(() => implement(contract, wrong({}))).toThrow(refusal('step "charge": implement() needs a run function'));
  expect(() => implement(contract, wrong(undefined))).toThrow(refusal('step "charge": implement() needs a run function'));
  expect(() => implement({ name: 'charge' } as unknown as typeof contract, { run })).toThrow(
    refusal('implement() takes what step({ … }) gives and its code, not object'),
  );
  expect(() => implement(undefined as unknown as typeof contract, { run })).toThrow(
    refusal('implement() takes what step({ … }) gives and its code, not undefined'),
  );
});
