import type { StepImplementation } from 'amends';
import { expect, it } from 'vitest';
import { readEffects } from '../../../examples/order/books.ts';
import type { ServiceDatabase } from '../../../examples/order/database.ts';
import { openService, type ServiceName } from '../../../examples/order/services.ts';
import { act, undo, untilAnswered } from './deliveries.ts';

/** What the suite needs to know of a service. */
export interface Participant {
  readonly service: ServiceName;
  database(): ServiceDatabase;
  implementation(): StepImplementation;
  /** An input that the rules allow; orders share nothing. */
  input(orderId: string): unknown;
  /** An input that the rules refuse. */
  refused(orderId: string): unknown;
  /** Makes the rules refuse from now on what {@link input} asks for. */
  exhaust(orderId: string): Promise<void>;
  /** What is in force for an order: 0 when nothing is. */
  inForce(orderId: string): Promise<number>;
}

let orders = 0;
const nextOrder = (): string => `once-${++orders}`;

/** Every service keeps each effect once, whatever is delivered how often and in which order. */
export function itKeepsEachEffectOnce(participant: Participant): void {
  const { service } = participant;
  const inForce = (orderId: string): Promise<number> => participant.inForce(orderId);
  const effectsOf = async (orderId: string): Promise<string[]> =>
    (await readEffects(service, participant.database()))
      .filter((effect) => effect.orderId === orderId)
      .map(({ operation, outcome }) => `${operation} ${outcome}`)
      .sort();
  const run = (orderId: string): Promise<unknown> => act(participant.implementation(), `saga-${orderId}`, participant.input(orderId));
  const compensate = (orderId: string): Promise<void> => undo(participant.implementation(), `saga-${orderId}`, participant.input(orderId));

  it('does it once and undoes it once', async () => {
    const orderId = nextOrder();
    await run(orderId);
    expect(await inForce(orderId)).toBeGreaterThan(0);
    await compensate(orderId);
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual(['compensate done', 'run done']);
  });

  it('gives the stored result to a second delivery', async () => {
    const orderId = nextOrder();
    const result = await run(orderId);
    const once = await inForce(orderId);
    expect(await run(orderId)).toEqual(result);
    expect(await inForce(orderId)).toBe(once);
    expect(await effectsOf(orderId)).toEqual(['run done']);
  });

  it('looks for a duplicate before it looks at the rules', async () => {
    const orderId = nextOrder();
    const result = await run(orderId);
    await participant.exhaust(orderId);
    const another = act(participant.implementation(), `another-saga-${orderId}`, participant.input(orderId));
    await expect(another).rejects.toMatchObject({ code: 'STEP_FAILED' });
    expect(await run(orderId)).toEqual(result);
  });

  it('knows a second delivery that asks for something else', async () => {
    const orderId = nextOrder();
    await run(orderId);
    const other = act(participant.implementation(), `saga-${orderId}`, participant.refused(orderId));
    await expect(other).rejects.toMatchObject({ code: 'BARRIER_MISMATCH', retryable: false });
  });

  it('does it once when ten deliveries come at the same time', async () => {
    const orderId = nextOrder();
    const results = await Promise.all(Array.from({ length: 10 }, () => run(orderId)));
    for (const result of results) expect(result).toEqual(results[0]);
    expect(await effectsOf(orderId)).toEqual(['run done']);
    const once = await inForce(orderId);
    await compensate(orderId);
    expect(once).toBeGreaterThan(0);
    expect(await inForce(orderId)).toBe(0);
  });

  it('undoes it once when ten compensations come at the same time', async () => {
    const orderId = nextOrder();
    await run(orderId);
    await Promise.all(Array.from({ length: 10 }, () => compensate(orderId)));
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual(['compensate done', 'run done']);
  });

  it('records the compensation of an action that never happened, and does nothing', async () => {
    const orderId = nextOrder();
    await compensate(orderId);
    await compensate(orderId);
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual(['compensate empty']);
  });

  it('refuses an action that comes after its compensation', async () => {
    const orderId = nextOrder();
    await compensate(orderId);
    for (let n = 0; n < 3; n++) {
      await expect(run(orderId)).rejects.toMatchObject({ code: 'STEP_FAILED', message: expect.stringContaining('after its undo') });
    }
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual(['compensate empty']);
  });

  it('ends with nothing in force when action and compensation race', async () => {
    for (let n = 0; n < 10; n++) {
      const orderId = nextOrder();
      const race = [() => run(orderId).catch((error: unknown) => error), () => compensate(orderId)];
      await Promise.all((n % 2 === 0 ? race : race.reverse()).map((deliver) => deliver()));
      expect(await inForce(orderId)).toBe(0);
    }
  });

  it('leaves nothing behind when the rules refuse it', async () => {
    const orderId = nextOrder();
    const attempt = act(participant.implementation(), `saga-${orderId}`, participant.refused(orderId));
    await expect(attempt).rejects.toMatchObject({ code: 'STEP_FAILED', retryable: false });
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual([]);
  });

  it('has one effect when the answer is lost after the commit and it is delivered again', async () => {
    const flaky = await openService(service, participant.database(), { hiccups: { everyNth: 1 } });
    const orderId = nextOrder();
    const deliver = (): Promise<unknown> => act(flaky, `saga-${orderId}`, participant.input(orderId));
    await expect(deliver()).rejects.toMatchObject({ code: 'ECONNRESET' });
    const once = await inForce(orderId);
    expect(once).toBeGreaterThan(0);
    await deliver();
    expect(await inForce(orderId)).toBe(once);

    const compensation = (): Promise<void> => undo(flaky, `saga-${orderId}`, participant.input(orderId));
    await expect(compensation()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await untilAnswered(compensation);
    expect(await inForce(orderId)).toBe(0);
    expect(await effectsOf(orderId)).toEqual(['compensate done', 'run done']);
  });
}
