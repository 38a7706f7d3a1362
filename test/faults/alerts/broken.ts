import * as z from 'zod';
import { StepFailed } from '../../../src/errors.ts';
import type { AnyDefinition } from '../../../src/flows/definition.ts';
import { saga, type Saga } from '../../../src/flows/saga.ts';
import { step } from '../../../src/flows/step.ts';
import { resource } from '../../../src/flows/resource.ts';
import { tcc, type Tcc } from '../../../src/flows/tcc.ts';

const Input = z.object({ number: z.int() });
const Nothing = z.object({});
type Numbered = { readonly number: number };
/** What a participant does. */
type Behaviour = () => unknown;

export type BrokenSaga = Saga<Numbered, unknown>;

const works: Behaviour = () => ({});
const refuses: Behaviour = () => {
  throw new StepFailed('refused');
};
const fails: Behaviour = () => {
  throw new Error('out of order');
};
const failsForGood: Behaviour = () => {
  throw Object.assign(new Error('there is no such account'), { retryable: false });
};
/** Hears no signal either. */
export const hangs = (): Promise<never> => new Promise(() => undefined);

function contract<const Name extends string>(name: Name, run: Behaviour, compensate: Behaviour = works) {
  return step({
    name,
    input: Input,
    result: Nothing,
    run: async () => (await run()) as Record<string, never>,
    compensate: async () => {
      await compensate();
    },
  });
}

function retried(name: string, run: Behaviour): BrokenSaga {
  const mail = step({ name: 'mail', input: Input, result: Nothing, run: async () => (await run()) as Record<string, never> });
  return saga({ name, version: 1, input: Input }).step(mail, ({ input }) => input, { retriable: true });
}

/** Refused in its second step, so that its first one has to be undone. */
function undone(name: string, compensate: Behaviour): BrokenSaga {
  return saga({ name, version: 1, input: Input })
    .step(contract('reserve', works, compensate), ({ input }) => input)
    .step(contract('charge', refuses), ({ input }) => input);
}

/** Its one step is with a service. */
function served(name: string, service: string): { readonly saga: BrokenSaga; readonly contract: ReturnType<typeof serviceStep> } {
  const only = serviceStep(service);
  return { saga: saga({ name, version: 1, input: Input }).step(only, ({ input }) => input, { retriable: true }), contract: only };
}

function serviceStep(service: string) {
  return step({ name: 'deliver', service, input: Input, result: Nothing });
}

/** All policies are the defaults: this is what a user gets who has set nothing. */
export const undoFailsForGood: BrokenSaga = undone('undo_fails_for_good', failsForGood);
export const undoFails: BrokenSaga = undone('undo_fails', fails);
export const undoHangs: BrokenSaga = undone('undo_hangs', hangs);
export const stepFails: BrokenSaga = retried('step_fails', fails);
export const stepHangs: BrokenSaga = retried('step_hangs', hangs);
export const nobodys: BrokenSaga = served('nobodys', 'nobody').saga;
const killed = served('killed', 'courier');
export const killedInWork: BrokenSaga = killed.saga;
export const courier = killed.contract;
/** Nothing of it is to do for an hour. */
export const sleeper: BrokenSaga = saga({ name: 'sleeper', version: 1, input: Input }).sleep('hour', 3_600_000);

const seat = resource({
  name: 'seat',
  input: Input,
  hold: Nothing,
  holdForMs: 4_000_000,
  try: () => ({}),
  confirm: fails,
  cancel: () => undefined,
});
export const confirmFails: Tcc<Numbered, unknown> = tcc({ name: 'confirm_fails', version: 1, input: Input, deadlineMs: 3_600_000 }).reserve(
  seat,
  ({ input }) => input,
);

/** What the workers that stay take: everything but what nobody serves. */
export const SERVED: readonly AnyDefinition[] = [undoFailsForGood, undoFails, undoHangs, stepFails, stepHangs, sleeper, confirmFails];
/** Their own queues are taken too, the steps of their services are not. */
export const UNSERVED: readonly AnyDefinition[] = [nobodys, killedInWork];
