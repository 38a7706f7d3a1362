// A user's module for the command line: it imports the package by its name, as theirs do.
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed, saga, signal, step } from 'amends';
import { z } from 'zod';

const once = { attempts: 1 };

const pack = step({
  name: 'pack',
  input: z.object({ parcelId: z.string(), gate: z.string().optional() }),
  result: z.object({ box: z.string() }),
  retry: once,
  compensation: { retry: once },
  run: async ({ input, signal }) => {
    if (input.gate !== undefined) {
      writeFileSync(`${input.gate}.reached`, '');
      while (!existsSync(input.gate)) await delay(10, undefined, { signal });
    }
    return { box: `box of ${input.parcelId}` };
  },
  compensate: () => {
    if (existsSync(process.env.SHOP_JAM ?? '')) throw new Error('the unpacking machine is jammed');
  },
});

const send = step({
  name: 'send',
  input: z.object({ kilos: z.number() }),
  result: z.object({}),
  retry: once,
  run: ({ input }) => {
    if (input.kilos > 10) throw new StepFailed(`${input.kilos} kg is too heavy`);
    return {};
  },
  compensate: () => {},
});

const Parcel = z.object({ parcelId: z.string(), kilos: z.number(), gate: z.string().optional() });

export const parcel = saga({ name: 'parcel', version: 1, input: Parcel })
  .step(pack, ({ input: { parcelId, gate } }) => ({ parcelId, ...(gate === undefined ? {} : { gate }) }))
  .step(send, ({ input }) => ({ kilos: input.kilos }));

const inspection = signal({ name: 'inspection', data: z.object({ inspector: z.string() }) });

/** Is packed, and sent when it has been looked at. */
export const fragile = saga({ name: 'fragile', version: 1, input: Parcel })
  .step(pack, ({ input: { parcelId } }) => ({ parcelId }))
  .waitFor(inspection)
  .step(send, ({ input }) => ({ kilos: input.kilos }))
  .returns(({ results }) => results.inspection);

export const sagas = [parcel, fragile];
