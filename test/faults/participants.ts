import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { StepFailed } from '../../src/errors.ts';
import { saga, type Saga } from '../../src/flows/saga.ts';
import { step, type Step } from '../../src/flows/step.ts';
import { OrderInput } from '../engine/fixture.ts';

export const STEPS = ['reserve_stock', 'charge_card', 'create_shipment', 'send_mail'] as const;
type StepName = (typeof STEPS)[number];

/** The services behind the steps. Each knows an operation by its idempotency key, and counts the effects it really had. */
export class Participants {
  readonly #keys = new Set<string>();
  readonly #effects = new Map<string, string[]>();
  /** Calls that found their key taken. */
  repeated = 0;
  total = 0;

  /** What happened for a saga, in order: `charge_card`, and for an undo `-charge_card`. */
  effectsFor(id: string): readonly string[] {
    return this.#effects.get(id) ?? [];
  }

  carryOut(id: string, name: string, key: string): void {
    if (!this.#takes(key)) return;
    this.#happen(id, name);
  }

  /** An action that has not come yet is undone by refusing it for good. */
  undo(id: string, name: string, key: string, actionKey: string): void {
    if (!this.#takes(key) || this.#takes(actionKey)) return;
    this.#happen(id, `-${name}`);
  }

  #takes(key: string): boolean {
    if (this.#keys.has(key)) {
      this.repeated++;
      return false;
    }
    this.#keys.add(key);
    return true;
  }

  #happen(id: string, what: string): void {
    this.total++;
    this.#effects.set(id, [...this.effectsFor(id), what]);
  }
}

/** What happens before the effect: an action that hangs, or refuses. */
export type Before = (call: { readonly id: string; readonly order: string; readonly step: StepName }) => unknown;

type Args = { readonly order: string };
type Result = { readonly ref: string };

function stepOf<const Name extends StepName>(name: Name, participants: Participants, before: Before): Step<Name, Args, Args, Result> {
  const retry = { attempts: 5, delayMs: 20, maxDelayMs: 100 };
  return step({
    name,
    input: OrderInput,
    result: z.object({ ref: z.string() }),
    timeoutMs: 15_000,
    retry,
    compensation: { retry },
    async run({ sagaId, idempotencyKey, input }) {
      await before({ id: sagaId, order: input.order, step: name });
      participants.carryOut(sagaId, name, idempotencyKey);
      return { ref: `${name}/${input.order}` };
    },
    ...(name === 'send_mail'
      ? {}
      : {
          compensate({ sagaId, idempotencyKey, actionIdempotencyKey }) {
            participants.undo(sagaId, name, idempotencyKey, actionIdempotencyKey);
          },
        }),
  });
}

/** Orders whose shipment is refused are named so. */
export const REFUSED = 'refused';

/** Takes a moment, so that faults find something under way, and refuses some shipments. */
export const busy: Before = async ({ order, step: name }) => {
  await delay(5 + Math.random() * 20);
  if (name === 'create_shipment' && order.startsWith(REFUSED)) throw new StepFailed('no carrier goes there');
};

/** The saga of the scenarios, with participants that guard their effects. */
export function guardedOrders(participants: Participants, before: Before = busy): Saga<Args, Result> {
  return saga({ name: 'order', version: 1, input: OrderInput })
    .step(stepOf('reserve_stock', participants, before), ({ input }) => input)
    .step(stepOf('charge_card', participants, before), ({ input }) => input)
    .step(stepOf('create_shipment', participants, before), ({ input }) => input)
    .step(stepOf('send_mail', participants, before), ({ input }) => input, { retriable: true })
    .returns(({ results }) => ({ ref: results.create_shipment.ref }));
}
