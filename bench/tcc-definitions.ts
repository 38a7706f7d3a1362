import * as z from 'zod';
import { resource, saga, step, tcc, type Saga, type Tcc } from 'amends';
import type { Scenario, Steps } from './scenario.ts';

const Payload = z.object({ number: z.number(), text: z.string() });
type Input = z.input<typeof Payload>;
const Hold = z.object({ step: z.number() });
const from = ({ input }: { input: Input }): Input => input;

/** Half of the operations are tries, one after the other, the other half their confirms, side by side. */
export function tccOf({ steps }: Scenario, counted: Steps): Tcc<Input, unknown> {
  interface Builder {
    reserve(contract: unknown, input: typeof from): Builder;
  }
  let builder = tcc({ name: 'bench', version: 1, input: Payload, deadlineMs: 600_000 }) as unknown as Builder;
  for (let number = 1; number <= steps / 2; number++) {
    const made = resource({
      name: `reservation_${number}`,
      input: Payload,
      hold: Hold,
      holdForMs: 900_000,
      try: () => counted.run(number),
      confirm: () => counted.run(number + steps / 2),
      cancel: () => counted.undo(),
    });
    builder = builder.reserve(made, from);
  }
  return builder as unknown as Tcc<Input, unknown>;
}

/** The same operations as a saga: the tries as steps that can be undone, the confirms as steps that can't, side by side. */
export function sameSagaOf({ steps }: Scenario, counted: Steps): Saga<Input, unknown> {
  const made = (number: number) =>
    step({ name: `step_${number}`, input: Payload, result: Hold, run: () => counted.run(number), compensate: () => counted.undo() });
  interface Builder {
    step(contract: unknown, input: typeof from, options?: { retriable: true }): Builder;
    parallel(build: (all: Builder) => Builder): Builder;
  }
  let builder = saga({ name: 'bench', version: 1, input: Payload, deadlineMs: 600_000 }) as unknown as Builder;
  for (let number = 1; number <= steps / 2; number++) builder = builder.step(made(number), from);
  builder = builder.parallel((all) => {
    let group = all;
    for (let number = steps / 2 + 1; number <= steps; number++) group = group.step(made(number), from, { retriable: true });
    return group;
  });
  return builder as unknown as Saga<Input, unknown>;
}
