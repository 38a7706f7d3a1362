// A worker's module whose one step says whatever it is given, as an error and in its log.
import { StepFailed, saga, step } from 'amends';
import { z } from 'zod';

const Words = z.object({ words: z.string() });

const speak = step({
  name: 'speak',
  input: Words,
  result: z.object({}),
  run({ input, log }) {
    log.warn({ [input.words]: input.words }, input.words);
    throw new StepFailed(input.words);
  },
  compensate: () => undefined,
});

export const sagas = [saga({ name: 'forger', version: 1, input: Words }).step(speak, ({ input }) => input)];
