import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { implementResource, resource } from '../../src/flows/resource.ts';
import { tcc } from '../../src/flows/tcc.ts';
import { saga } from '../../src/flows/saga.ts';
import { plainStep } from '../support/sagas.ts';
import { plainResource } from '../support/tccs.ts';

/** For `toThrow`: refused with this among what it says. */
function refusal(text: string): unknown {
  return expect.objectContaining({ code: 'INVALID_DEFINITION', message: expect.stringContaining(text) });
}

const input = z.object({ order: z.string() });
const hold = z.object({ ref: z.string() });
const stock = resource({ name: 'stock', service: 'inventory', input, hold, holdForMs: 60_000 });
const code = { try: () => ({ ref: 'r' }), confirm: () => undefined, cancel: () => undefined };
const options = { name: 'checkout', version: 1, input, deadlineMs: 30_000 };
const map = ({ input: given }: { readonly input: { readonly order: string } }): { order: string } => given;

describe('resource', () => {
  test('is a contract without code, or complete with all of it', () => {
    expect(stock).toMatchObject({ kind: 'resource', name: 'stock', service: 'inventory', holdForMs: 60_000 });
    expect(resource({ name: 'seat', input, hold, holdForMs: 1_000, ...code }).service).toBeUndefined();
  });

  test.each([
    ['no service and no code', () => resource({ name: 'a', input, hold, holdForMs: 1_000 }), 'say which service holds it'],
    ['half of the code', () => resource({ name: 'a', input, hold, holdForMs: 1_000, try: code.try }), 'confirm is missing'],
    ['no schema', () => resource({ name: 'a', service: 's', input: {} as never, hold, holdForMs: 1_000 }), 'give input and hold'],
    ['a hold of no time', () => resource({ name: 'a', service: 's', input, hold, holdForMs: 0 }), 'holdForMs is 0'],
    ['a bad name', () => resource({ name: 'a b', service: 's', input, hold, holdForMs: 1 }), `"a b" can't be the name of a resource`],
    [
      'a timeout of no time',
      () => resource({ name: 'a', service: 's', input, hold, holdForMs: 1, confirmation: { timeoutMs: 0 } }),
      'confirmation: timeoutMs',
    ],
  ])('refuses %s', (_what, define, message) => {
    expect(define).toThrow(refusal(message));
  });

  test.each([
    ['a step', () => implementResource(plainStep('a') as never, code), 'takes what resource({ … }) gives'],
    ['what has code', () => implementResource(plainResource('a'), code), 'has its code inline'],
    ['a renew that is not told of', () => implementResource(stock, { ...code, renew: code.confirm }), 'say renewable: true'],
    ['no cancel', () => implementResource(stock, { try: code.try, confirm: code.confirm } as never), 'cancel is missing'],
  ])('implementResource refuses %s', (_what, implement, message) => {
    expect(implement).toThrow(refusal(message));
  });
});

describe('tcc', () => {
  const other = resource({ name: 'credit', service: 'payments', input, hold, holdForMs: 45_000 });

  test('compiles to a plan: tries in order or side by side, each with its cancel, its confirm and its hold', () => {
    const { plan, contracts } = tcc(options)
      .reserve(stock, map)
      .parallel((all) => all.reserve(other, map).reserve(plainResource('seat'), map, { when: () => true }))
      .returns(() => null);
    expect(plan).toMatchObject({ kind: 'tcc', name: 'checkout', deadlineMs: 30_000, marginMs: 15_000 });
    expect(plan.stages).toEqual([['stock'], ['credit', 'seat']]);
    expect(plan.steps['stock']).toMatchObject({ kind: 'reservation', service: 'inventory', hold: { forMs: 60_000 } });
    expect(plan.steps['seat']).toMatchObject({ conditional: true, service: null });
    expect(contracts.map(({ name }) => name)).toEqual(['stock', 'credit', 'seat']);
  });

  test('its fingerprint changes with the graph, and not with times; it is not that of a saga of the same steps', () => {
    const fingerprint = (deadlineMs: number, reserved = stock): string =>
      tcc({ ...options, deadlineMs }).reserve(reserved, map).plan.fingerprint;
    expect(fingerprint(30_000)).toBe(fingerprint(20_000));
    expect(fingerprint(30_000)).not.toBe(fingerprint(30_000, other as never));
    const same = saga({ name: 'checkout', version: 1, input }).step(plainStep('stock'), map, { readOnly: true });
    expect(same.plan.fingerprint).not.toBe(fingerprint(30_000));
  });

  test('T13 a hold shorter than the deadline and the margin together is refused, with what to do', () => {
    const short = resource({ name: 'short', service: 's', input, hold, holdForMs: 44_999 });
    const define = (): unknown => tcc(options).reserve(short, map);
    expect(define).toThrow(refusal('is held for 44999 ms, less than the deadline (30000 ms) and the margin (15000 ms) together'));
    expect(define).toThrow(refusal('raise its holdForMs to 45000'));
    tcc({ ...options, marginMs: 14_999 }).reserve(short, map);
    const renewable = { name: 'kept', service: 's', input, hold, renewable: true };
    tcc(options).reserve(resource({ ...renewable, holdForMs: 30_000 }), map);
    expect(() => tcc(options).reserve(resource({ ...renewable, holdForMs: 29_999 }), map)).toThrow(
      refusal('is held for 29999 ms, less than twice the margin (15000 ms)'),
    );
    tcc(options).reserve(other, map);
  });

  test.each([
    ['no deadline', () => tcc({ ...options, deadlineMs: undefined as never }), 'deadlineMs is undefined'],
    ['a margin of no time', () => tcc({ ...options, marginMs: 0 }), 'marginMs is 0'],
    ['version 0', () => tcc({ ...options, version: 0 }), 'version is 0'],
    ['no input', () => tcc({ ...options, input: undefined as never }), 'give input'],
    ['no reservation', () => tcc(options).plan, 'it has no reservation: add one with .reserve(…)'],
    [
      'one twice',
      () =>
        tcc(options)
          .reserve(stock, map)
          .reserve(stock as never, map),
      '"stock" is already a reservation of this tcc',
    ],
    ['an empty group', () => tcc(options).parallel((all) => all), 'a parallel group is empty: add a reservation to it'],
    ['a group that is not given back', () => tcc(options).parallel((() => undefined) as never), '.parallel() needs the group back'],
    ['a step', () => tcc(options).reserve(plainStep('a') as never, map), '.reserve() takes what resource({ … }) gives'],
    ['no mapper', () => tcc(options).reserve(stock, undefined as never), 'say what is reserved'],
  ])('refuses %s', (_what, define, message) => {
    expect(define).toThrow(refusal(message));
  });
});
