import { AmendsError } from '../errors.ts';
import { hashOf } from './json.ts';
import type { AttemptPolicy } from './policy.ts';
import type { RedactedPath } from './redaction.ts';

/**
 * What becomes of a step when the transaction turns back.
 * `compensatable` is undone; `readOnly` has nothing to undo; `pivot` decides: nothing is undone once it succeeded;
 * `retriable` comes after that and is retried until it succeeds. `reservation`: a branch of a TCC, confirmed or cancelled by the verdict.
 */
export type StepKind = 'compensatable' | 'readOnly' | 'pivot' | 'retriable' | 'reservation';

/** What a reservation has beside its try (the step's action) and its cancel (the step's compensation). */
export interface HoldPlan {
  /** How long the participant keeps what it holds, in milliseconds from when the try is asked for. */
  readonly forMs: number;
  readonly confirm: AttemptPolicy;
  /** The participant prolongs it while there is no verdict. */
  readonly renewable?: true;
}

/** What a step that does nothing but wait waits for. */
export type WaitPlan =
  | {
      readonly kind: 'signal';
      /** Longest wait in milliseconds; `null`: none. */
      readonly timeoutMs: number | null;
      /** `fail`: the saga turns back; `continue`: it goes on without a result. */
      readonly onTimeout: 'fail' | 'continue';
    }
  | { readonly kind: 'timer' };

export interface PlanStep {
  readonly name: string;
  /** The service whose queue it waits in; `null`: the saga's own queue. */
  readonly service: string | null;
  /** Position of its stage; the steps of one stage run in parallel. */
  readonly stage: number;
  readonly kind: StepKind;
  /** It has a `when`, so it may be skipped. */
  readonly conditional: boolean;
  readonly action: AttemptPolicy;
  readonly compensation: AttemptPolicy;
  /** It runs no code: it waits. Its kind is `readOnly`. */
  readonly wait?: WaitPlan;
  /** Of a reservation. */
  readonly hold?: HoldPlan;
  /** What its schemas mark as sensitive; a signal's data is its result. */
  readonly redact?: { readonly input?: readonly RedactedPath[]; readonly result?: readonly RedactedPath[] };
}

/** The frozen graph of a definition: plain data, known before anything runs. */
export interface Plan {
  readonly kind: 'saga' | 'tcc';
  readonly name: string;
  readonly version: number;
  /** Time from start to the pivot or the verdict, in milliseconds; `null`: none. */
  readonly deadlineMs: number | null;
  /** Of a TCC: no hold may run out sooner after a verdict to confirm, in milliseconds. */
  readonly marginMs?: number;
  /** What the schema of the input marks as sensitive. */
  readonly redact?: { readonly input?: readonly RedactedPath[] };
  /** Consecutive steps of one queue share a job. */
  readonly fuse?: true;
  readonly stages: readonly (readonly string[])[];
  readonly steps: Readonly<Record<string, PlanStep>>;
  /** Changes with the graph (steps, order, services, kinds, fused or not), not with timeouts and retries, which may be tuned at any time. */
  readonly fingerprint: string;
}

export interface PlanDraft {
  /** Default `saga`. */
  readonly kind?: 'saga' | 'tcc';
  readonly name: string;
  readonly version: number;
  readonly deadlineMs: number | null;
  readonly marginMs?: number;
  readonly redact?: Plan['redact'];
  /** Default `false`. */
  readonly fuse?: boolean;
  readonly stages: readonly (readonly Omit<PlanStep, 'stage'>[])[];
}

function refuse(plan: PlanDraft, problem: string): never {
  throw new AmendsError('INVALID_DEFINITION', `${plan.kind ?? 'saga'} "${plan.name}": ${problem}`);
}

/** Names are keys of results and of holds. */
function checkNames(draft: PlanDraft): void {
  const [what, call] = draft.kind === 'tcc' ? ['reservation', 'reserve'] : ['step', 'step'];
  const seen = new Set<string>();
  for (const stage of draft.stages) {
    if (stage.length === 0) refuse(draft, `a parallel group is empty: add a ${what} to it or drop it`);
    for (const { name } of stage) {
      if (seen.has(name)) refuse(draft, `"${name}" is already a ${what} of this ${draft.kind ?? 'saga'}: give one of the two another name`);
      seen.add(name);
    }
  }
  if (seen.size === 0) refuse(draft, `it has no ${what}: add one with .${call}(…)`);
}

/** The rules about what may stand where. Each sentence says what to change. */
function checkOrder(draft: PlanDraft): void {
  let gate: string | undefined; // the pivot, or the first retriable step: nothing is undone from there on
  for (const stage of draft.stages) {
    for (const { name, kind } of stage) {
      if (gate !== undefined && kind === 'compensatable') {
        refuse(
          draft,
          `step "${name}" comes after "${gate}", from where nothing is undone: mark it retriable: true or readOnly: true, or move it before`,
        );
      }
      if (gate !== undefined && kind === 'pivot')
        refuse(draft, `step "${name}" can't be a pivot after "${gate}": a saga has one point of no return`);
      if (kind === 'pivot' && stage.length > 1) {
        refuse(
          draft,
          `pivot "${name}" stands in a parallel group: give it a .step() of its own, so that all before it is settled when it decides`,
        );
      }
    }
    const first = stage.find(({ kind }) => kind === 'pivot' || kind === 'retriable');
    const undone = stage.find(({ kind }) => kind === 'compensatable');
    if (first?.kind === 'retriable' && undone !== undefined) {
      refuse(
        draft,
        `"${first.name}" is retriable but runs in parallel with "${undone.name}", which may still be undone: move it into a later .step()`,
      );
    }
    gate ??= first?.name;
    const failing = stage.find(({ wait }) => wait?.kind === 'signal' && wait.timeoutMs !== null && wait.onTimeout === 'fail');
    if (gate !== undefined && failing !== undefined) {
      refuse(
        draft,
        `the wait for "${failing.name}" stands where nothing is undone any more ("${gate}" decided), so its timeout can't turn the saga back: give onTimeout: 'continue', or leave timeoutMs out`,
      );
    }
  }
}

/** What of a step is the graph's, and not merely tuning. */
function nodeOf({ name, service, kind, conditional, wait }: Omit<PlanStep, 'stage'>): Record<string, unknown> {
  const node = { name, service, kind, conditional };
  if (wait === undefined) return node;
  return { ...node, wait: wait.kind === 'timer' ? { kind: wait.kind } : { kind: wait.kind, onTimeout: wait.onTimeout } };
}

/**
 * Checks a draft and freezes it.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 */
export function buildPlan(draft: PlanDraft): Plan {
  checkNames(draft);
  checkOrder(draft);
  const steps: Record<string, PlanStep> = {};
  draft.stages.forEach((stage, position) => {
    for (const step of stage) steps[step.name] = Object.freeze({ ...step, stage: position });
  });
  const graph = draft.stages.map((stage) => stage.map(nodeOf));
  const { kind = 'saga', name, version, deadlineMs, marginMs, redact } = draft;
  // Part of the fingerprint: it says which jobs there are, and all workers have to agree on that.
  const fused = draft.fuse === true ? { fuse: true as const } : {};
  return Object.freeze({
    kind,
    name,
    version,
    deadlineMs,
    ...(marginMs === undefined ? {} : { marginMs }),
    ...(redact === undefined ? {} : { redact }),
    ...fused,
    stages: Object.freeze(draft.stages.map((stage) => Object.freeze(stage.map(({ name }) => name)))),
    steps: Object.freeze(steps),
    // A saga's is what it was before there were others: it is stored.
    fingerprint: hashOf(kind === 'saga' ? { name, version, graph, ...fused } : { kind, name, version, graph }),
  });
}

/** The plan's step of this name. A name that isn't there is a fault of ours or a forged job. */
export function stepOf(plan: Plan, name: string): PlanStep {
  const found = Object.hasOwn(plan.steps, name) ? plan.steps[name] : undefined;
  if (found !== undefined) return found;
  throw new AmendsError('UNKNOWN_DEFINITION', `${plan.kind} "${plan.name}" version ${plan.version} has no step "${name}"`);
}
