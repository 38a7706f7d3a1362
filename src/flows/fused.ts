import type { Plan } from './plan.ts';

/** Consecutive steps whose actions one job runs, one after the other. */
export interface FusedGroup {
  readonly steps: readonly string[];
  /** It holds the last stage and is the saga's own: then the root is its job. */
  readonly inRoot: boolean;
}

type Groups = ReadonlyMap<string, FusedGroup>;

/** By plan, for whoever asks again with each step. */
const known = new WeakMap<Plan, Groups>();

/** A stage of several steps, a wait, and a step of another service each end a group. */
function groupsOf({ stages, steps }: Plan): Groups {
  const runs: string[][] = [];
  let service: string | null | undefined; // of the group that is open; undefined: none is
  for (const stage of stages) {
    const step = stage.length === 1 ? steps[stage[0]!] : undefined;
    if (step === undefined || step.wait !== undefined) {
      service = undefined;
      continue;
    }
    if (service === step.service) runs.at(-1)!.push(step.name);
    else runs.push([step.name]);
    service = step.service;
  }
  const groups = new Map<string, FusedGroup>();
  for (const names of runs) {
    const last = steps[names.at(-1)!]!;
    const group = Object.freeze({ steps: Object.freeze(names), inRoot: last.service === null && last.stage === stages.length - 1 });
    for (const name of names) groups.set(name, group);
  }
  return groups;
}

function knownGroupsOf(plan: Plan): Groups {
  let groups = known.get(plan);
  if (groups === undefined) known.set(plan, (groups = groupsOf(plan)));
  return groups;
}

/** The group of a step; `undefined`: it has a job of its own, as every step of a plan that is not fused. */
export function fusedGroupOf(plan: Plan, step: string): FusedGroup | undefined {
  return plan.fuse === true ? knownGroupsOf(plan).get(step) : undefined;
}

/** All groups of a plan; none when it is not fused. */
export function fusedGroupsIn(plan: Plan): readonly FusedGroup[] {
  return plan.fuse === true ? [...new Set(knownGroupsOf(plan).values())] : [];
}
