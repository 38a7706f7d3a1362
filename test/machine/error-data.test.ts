import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { StepFailed } from '../../src/errors.ts';
import { errorData, errorFrom } from '../../src/machine/error-data.ts';

const cyclic: Record<string, unknown> = { name: 'loop' };
cyclic['self'] = cyclic;

test.each([
  ['a string', 'boom', 'threw boom'],
  ['nothing', undefined, 'threw undefined'],
  ['null', null, 'threw null'],
  ['an object', { status: 500 }, 'threw {"status":500}'],
  ['a cyclic object', cyclic, 'threw [object Object]'],
  ['a BigInt', 10n, 'threw [object BigInt]'],
  ['a symbol', Symbol('why'), 'threw Symbol(why)'],
])('S24 %s that was thrown becomes data', (_what, thrown, message) => {
  expect(errorData(thrown)).toEqual({ name: 'NonError', message });
});

test('S24 an error keeps its name, code and stack, and the message carries the causes', () => {
  const root = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const data = errorData(new StepFailed('charge refused', { cause: new TypeError('no answer', { cause: root }) }));
  expect(data).toMatchObject({
    name: 'StepFailed',
    code: 'STEP_FAILED',
    message: 'charge refused: caused by no answer: caused by connect ECONNREFUSED',
  });
  expect(data.stack).toContain('error-data.test.ts');
});

test('S24 a chain of causes that leads back to itself ends', () => {
  const error = new Error('round');
  error.cause = error;
  expect(errorData(error).message.split('round')).toHaveLength(6);
});

test('S24 nothing is longer than a journal wants to keep, and no character is cut in half', () => {
  const error = Object.assign(new Error(`${'x'.repeat(1999)}😀${'y'.repeat(5_000_000)}`), {
    name: 'N'.repeat(9999),
    code: 'C'.repeat(9999),
  });
  const data = errorData(error);
  expect(data.message).toBe(`${'x'.repeat(1999)}… (5002001 characters)`);
  expect(Buffer.from(data.message).toString()).toBe(data.message);
  for (const part of [data.name, data.code, data.stack]) expect(part?.length).toBeLessThan(4_100);
  expect(errorData('z'.repeat(5_000_000)).message.length).toBeLessThan(2_100);
});

test('S24 an error of another realm is an error', () => {
  const foreign: unknown = runInNewContext('new RangeError("far away", { cause: new Error("still far") })');
  expect(foreign).not.toBeInstanceOf(Error);
  expect(errorData(foreign)).toMatchObject({ name: 'RangeError', message: 'far away: caused by still far' });
});

test('S24 what can not even be looked at is reported all the same', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const trap = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no');
    },
  });
  for (const thrown of [proxy, trap]) {
    expect(errorData(thrown)).toEqual({ name: 'NonError', message: 'threw something that throws when it is looked at' });
  }
});

test('S24 a name or message that is no text', () => {
  const odd = Object.assign(new Error('x'), { name: 404, message: { status: 'gone' } });
  expect(errorData(odd)).toMatchObject({ name: '404', message: '{"status":"gone"}' });
  expect(errorData(Object.assign(new Error('x'), { code: 42 })).code, 'a code is a text').toBeUndefined();
});

test('data back as an error, for cause and reason', () => {
  const original = Object.assign(new TypeError('no such customer'), { code: 'E_CUSTOMER' });
  const back = errorFrom(errorData(original));
  expect(back).toBeInstanceOf(Error);
  expect(back).toMatchObject({ name: 'TypeError', message: 'no such customer', code: 'E_CUSTOMER', stack: original.stack });
  expect(errorFrom({ name: 'Bare', message: 'm' })).not.toHaveProperty('code');
});

test('the data of an error survives JSON', () => {
  const data = errorData(new Error('x'));
  expect(JSON.parse(JSON.stringify(data))).toStrictEqual(data);
});
