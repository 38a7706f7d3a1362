import type { Pool } from 'pg';
import type { withBarrier } from '../../../src/barrier/index.ts';
import type { StepFailed } from '../../../src/errors.ts';
import type { implement, StepImplementation } from '../../../src/flows/implement.ts';
import type { saga, Saga } from '../../../src/flows/saga.ts';
import type { implementResource, resource } from '../../../src/flows/resource.ts';
import type { step } from '../../../src/flows/step.ts';
import type { tcc, Tcc } from '../../../src/flows/tcc.ts';

export type Scenario = 'works' | 'refused' | 'unsure' | 'confirmed' | 'cancelled' | 'fused' | 'fused_refused';
export const SCENARIOS: readonly Scenario[];

export function crashDefinition(
  amends: {
    readonly saga: typeof saga;
    readonly step: typeof step;
    readonly implement: typeof implement;
    readonly StepFailed: typeof StepFailed;
    readonly withBarrier: typeof withBarrier;
    readonly resource: typeof resource;
    readonly tcc: typeof tcc;
    readonly implementResource: typeof implementResource;
  },
  order: Scenario,
  name: string,
  pool: Pool | undefined,
): {
  readonly saga: Saga<{ order: Scenario }, { ref: string }> | Tcc<{ order: Scenario }, { ref: string }>;
  readonly implementations: readonly StepImplementation[];
};
