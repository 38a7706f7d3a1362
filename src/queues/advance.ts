import type { SqlExecutor } from '../connections/sql.ts';
import { fusedGroupOf, fusedGroupsIn } from '../flows/fused.ts';
import { stepOf, type Plan } from '../flows/plan.ts';
import type { TransactionEvent } from '../machine/event.ts';
import { DUE, isTerminal, operationIn, stepState, STUCK, type JobOperation, type State, type StepStatus } from '../machine/state.ts';
import { wakesAtMs } from '../machine/waits.ts';
import { renewables, renewAtMs } from '../machine/renewal.ts';
import { operationWord } from '../machine/words.ts';
import { deliverAgain, isInsideGroup, stepInJob, type JobInHand } from './hosts.ts';
import { operationJobId, queueOfStep, rootJobId, sagaQueue } from './names.ts';
import type { JobState, OperationJob, QueuePort, RootJob } from './queue-port.ts';

export function rootJob(state: Pick<State, 'id' | 'saga'>): RootJob {
  return { queue: sagaQueue(state.saga), jobId: rootJobId(state.id), message: { transaction: state.id, saga: state.saga } };
}

/**
 * The last step of a saga, if it is the saga's own, needs no job beside the root: the queue delivers that when the steps before are done, which
 * is when this one is due. A step that waits has a job of its own, which is put off. The same goes for the fused group that the last step is in.
 */
export function runsInRoot(plan: Plan, step: string, op: JobOperation): boolean {
  if (plan.fuse === true) return op === 'run' && fusedGroupOf(plan, step)?.inRoot === true;
  const { kind, stages, steps } = plan;
  const last = stages.at(-1)!;
  return (
    op === 'run' &&
    kind === 'saga' &&
    stages.length > 1 &&
    last.length === 1 &&
    last[0] === step &&
    steps[step]!.service === null &&
    steps[step]!.wait === undefined
  );
}

/** The step that the root is to carry out, by the journal, or that is stuck in it. */
export function stepOfRoot(plan: Plan, state: State): string | undefined {
  const last = plan.stages.at(-1)![0]!;
  if (!runsInRoot(plan, last, 'run')) return undefined;
  if (plan.fuse === true) return stepInJob(plan, state, last);
  const status = stepState(state, last)?.status;
  return status === DUE.run || status === STUCK.run ? last : undefined;
}

/** The actions of a fused group have the job of its first step. */
export function operationJob(plan: Plan, id: string, step: string, op: JobOperation, recovered = false): OperationJob {
  const named = (op === 'run' ? fusedGroupOf(plan, step)?.steps[0] : undefined) ?? step;
  return {
    queue: queueOfStep(plan, stepOf(plan, step)),
    jobId: runsInRoot(plan, step, op) ? rootJobId(id) : operationJobId(id, named, op),
    name: op === 'run' && plan.kind === 'saga' ? named : `${operationWord(plan, op)} ${step}`,
    message: recovered ? { transaction: id, saga: plan.name, step, op, recovered: true } : { transaction: id, saga: plan.name, step, op },
  };
}

/** The same for an operation that is due by the journal: one that waits is delivered when its time is up. */
function dueJob(plan: Plan, state: State, { step, op }: Due, recovered = false): OperationJob {
  const { queue, jobId, name, message } = operationJob(plan, state.id, step, op, recovered);
  const job = { queue, jobId, name, message, ahead: isAhead(plan, step, op) };
  if (op === 'renew') return { ...job, notBeforeMs: renewAtMs(plan, state, step) };
  if (op !== 'run' || stepState(state, step)?.wait === undefined) return job;
  return { ...job, notBeforeMs: wakesAtMs(plan, state, step) ?? Infinity };
}

/**
 * In the queue of its saga, where starts wait too, a later step goes to the head, so that a backlog of starts is worked off saga by saga and not
 * step by step: sagas end sooner and hold what they hold for less long. A service's queue has no starts in it: there the oldest comes first.
 */
function isAhead(plan: Plan, step: string, op: JobOperation): boolean {
  const { stage, service } = stepOf(plan, step);
  return service === null && (stage > 0 || op !== 'run');
}

interface Due {
  readonly step: string;
  readonly op: JobOperation;
}

/** The operations that just became due. A wait that has ended already, because its signal had come before, needs no job. */
function issuedBy(state: State, events: readonly TransactionEvent[]): readonly Due[] {
  const due: Due[] = [];
  for (const { type, data } of events) {
    if (type === 'step_issued' && stepState(state, data.step)?.status === 'issued') due.push({ step: data.step, op: 'run' });
    else if (type === 'compensation_issued') due.push({ step: data.step, op: 'compensate' });
    else if (type === 'confirm_issued') due.push({ step: data.step, op: 'confirm' });
  }
  return due;
}

/** What is due in the root is delivered with that. */
function childrenFor(plan: Plan, state: State, due: readonly Due[]): OperationJob[] {
  return due.filter(({ step, op }) => !runsInRoot(plan, step, op)).map((one) => dueJob(plan, state, one));
}

/** Adds the jobs that a start calls for: the root with the first operations. Nothing when the saga ended at once. */
export function enqueueStart(
  queues: QueuePort,
  plan: Plan,
  state: State,
  events: readonly TransactionEvent[],
  tx?: SqlExecutor,
): Promise<void> {
  const due = issuedBy(state, events);
  return due.length === 0 ? Promise.resolve() : queues.addFlow(rootJob(state), childrenFor(plan, state, due), tx);
}

/** Takes back what {@link enqueueStart} added for a start that was refused. */
export async function discardStart(queues: QueuePort, plan: Plan, state: State, events: readonly TransactionEvent[]): Promise<void> {
  await Promise.all(childrenFor(plan, state, issuedBy(state, events)).map((child) => queues.discard(child)));
  await queues.discard(rootJob(state));
}

/** The waits that these events ended, and that had a job before. */
function waitsEndedBy(state: State, events: readonly TransactionEvent[]): readonly string[] {
  if (!events.some(({ type }) => type === 'wait_ended' || type === 'step_withdrawn')) return [];
  const issued = new Set(events.flatMap((event) => (event.type === 'step_issued' ? [event.data.step] : [])));
  return events.flatMap((event) => {
    if (event.type !== 'wait_ended' && event.type !== 'step_withdrawn') return [];
    const { step } = event.data;
    return stepState(state, step)?.wait === undefined || issued.has(step) ? [] : [step];
  });
}

/** What is held since these events, and has to be renewed one day. */
function renewalsBegunBy(plan: Plan, state: State, events: readonly TransactionEvent[]): readonly Due[] {
  if (plan.kind !== 'tcc') return [];
  const held = renewables(plan, state);
  return events.flatMap((event): Due[] =>
    event.type === 'step_succeeded' && held.includes(event.data.step) ? [{ step: event.data.step, op: 'renew' }] : [],
  );
}

/** With the verdict nothing is renewed any more: jobs that wait for that are delivered now, find it so, and let the root end. */
function renewalsEndedBy(plan: Plan, state: State, events: readonly TransactionEvent[]): readonly string[] {
  if (plan.kind !== 'tcc' || !events.some(({ type }) => type === 'verdict_reached' || type === 'saga_turned' || type === 'saga_terminated'))
    return [];
  return Object.keys(state.steps).filter((step) => plan.steps[step]?.hold?.renewable === true);
}

/**
 * The writer of events adds the jobs they call for, as children of the transaction's root. Adding one twice is harmless.
 *
 * @param inHand The job that the writer has in work: what is to be run in it is left to it.
 * @param takes Whether somebody else adds this job.
 * @returns `undefined`: they call for none.
 */
export function advance(
  queues: QueuePort,
  plan: Plan,
  state: State,
  events: readonly TransactionEvent[],
  inHand?: JobInHand,
  takes: (child: OperationJob, root: RootJob) => boolean = () => false,
): Promise<unknown> | undefined {
  const due = [...issuedBy(state, events), ...renewalsBegunBy(plan, state, events)];
  const left = inHand === undefined ? due : due.filter(({ step, op }) => !inHand.takes(operationJob(plan, state.id, step, op), step));
  const issued = childrenFor(plan, state, left);
  const ended = waitsEndedBy(state, events);
  const over = renewalsEndedBy(plan, state, events);
  if (issued.length + ended.length + over.length === 0) return undefined;
  const root = rootJob(state);
  const adding: Promise<void>[] = [];
  for (const job of issued) {
    if (isInsideGroup(plan, job.message)) adding.push(deliverAgain(queues, job, root));
    else if (!takes(job, root)) adding.push(queues.addChild(job, root));
  }
  if (adding.length + ended.length + over.length === 0) return undefined;
  return Promise.all([
    ...adding,
    ...over.map((step) => queues.promote(operationJob(plan, state.id, step, 'renew'))),
    ...ended.map((step) => endWait(queues, plan, state, step)),
  ]);
}

/** The operations that should have a job now, by the journal. */
function inFlight(state: State): readonly Due[] {
  if (isTerminal(state)) return [];
  return Object.entries(state.steps).flatMap(([step, { status }]): Due[] => {
    const op = operationIn(status, DUE);
    return op === undefined ? [] : [{ step, op }];
  });
}

/**
 * Puts back what the journal says is under way and the queue does not have: after a crash between journal and queue, or lost jobs.
 * Looks before it adds, because re-adding a failed child would hold the root for good. Gives the number of jobs it put back.
 *
 * @param recovered Marks them: an attempt may have been made already. Default `true`.
 * @param isCurrent Whether nothing was recorded since that state. What became of a job is recorded before the job is moved, so one that was
 *   carried out meanwhile is known from one that is gone. Default: not asked.
 */
export async function restore(
  queues: QueuePort,
  plan: Plan,
  state: State,
  except?: Due,
  recovered = true,
  isCurrent: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<number> {
  const renewing = renewables(plan, state).map((step): Due => ({ step, op: 'renew' }));
  const missing = [...inFlight(state), ...renewing].filter(({ step, op }) => step !== except?.step || op !== except.op);
  if (missing.length === 0) return 0;
  const root = rootJob(state);
  let restored = 0;
  for (const { step, op } of missing) {
    const job = dueJob(plan, state, { step, op }, recovered);
    const found = await queues.stateOf(job);
    const inRoot = runsInRoot(plan, step, op);
    // One that has ended and left its operation due: whoever carried out a fused group had lost the job, an earlier transaction had the same
    // id, or the journal was restored from a backup.
    if (found !== 'failed' && found !== 'missing' && found !== 'completed' && !(inRoot && found === 'waiting-children')) continue;
    if (!(await isCurrent())) return restored;
    if (inRoot) {
      if (await restoreRoot(queues, root, found, recovered)) restored++;
    } else if (found === 'failed') {
      if (await queues.retry(job)) restored++;
    } else {
      if ((await queues.stateOf(root)) === 'missing') await queues.addRoot(root);
      // A part of it may be left, which no list leads to and which would make the adding a no-op: a store that evicts loses keys one by one.
      await queues.discard(job);
      await queues.addChild(job, root);
      restored++;
    }
  }
  return restored;
}

/** The same for the root that is to carry out a step. */
async function restoreRoot(queues: QueuePort, root: RootJob, found: JobState, recovered: boolean): Promise<boolean> {
  if (found === 'failed') return queues.retry(root);
  if (found === 'waiting-children') return (await queues.free(root)) > 0;
  await queues.discard(root); // what may be left of it, as of any job
  await queues.addRoot(recovered ? { ...root, message: { ...root.message, recovered: true } } : root);
  return true;
}

/** Delivers a wait at once: its signal has come, or it was taken back. Added if it isn't there: whoever is about to add it finds that done. */
export async function endWait(queues: QueuePort, plan: Plan, state: State, step: string): Promise<void> {
  const job = operationJob(plan, state.id, step, 'run');
  const root = rootJob(state);
  if ((await queues.stateOf(root)) === 'missing') await queues.addRoot(root);
  await queues.addChild(job, root);
  await queues.promote(job);
}

/** A stuck undo that a person has done. */
function isDoneByHand(before: StepStatus, after: StepStatus | undefined): boolean {
  return before === STUCK.compensate && after === 'compensated';
}

/** Given up by an operator. */
export function isSkipped(status: StepStatus | undefined): boolean {
  return status === 'compensation_skipped' || status === 'confirm_skipped';
}

/** Removes the job of an operation that is over, or has the root see that it is. */
export async function dismiss(queues: QueuePort, plan: Plan, id: string, { step, op }: Due): Promise<void> {
  const job = operationJob(plan, id, step, op);
  if (runsInRoot(plan, step, op)) await queues.retry(job);
  else await queues.discard(job);
}

/** Removes the jobs of operations that an operator gave up or did. Those in work see at their end that it is over. */
export async function discardGivenUp(queues: QueuePort, plan: Plan, before: State, after: State): Promise<void> {
  for (const [step, { status }] of Object.entries(before.steps)) {
    const now = stepState(after, step)?.status;
    if (!isTerminal(after) && !isSkipped(now) && !isDoneByHand(status, now)) continue;
    const op = operationIn(status, DUE) ?? operationIn(status, STUCK);
    if (op !== undefined) await dismiss(queues, plan, before.id, { step, op });
  }
}

/** Delivers at once what was put off while the transaction was paused. */
export async function wake(queues: QueuePort, plan: Plan, state: State): Promise<void> {
  await restore(queues, plan, state);
  for (const { step, op } of inFlight(state)) await queues.promote(operationJob(plan, state.id, step, op));
  // The job of a fused group waits for the pause to end before any more of it is due.
  for (const { steps } of fusedGroupsIn(plan)) await queues.promote(operationJob(plan, state.id, steps[0]!, 'run'));
  await queues.promote(rootJob(state));
}

/** Delivers what an operator asked to be tried again. */
export async function redeliver(queues: QueuePort, plan: Plan, state: State, events: readonly TransactionEvent[]): Promise<void> {
  for (const event of events) {
    if (event.type !== 'retry_requested') continue;
    const job = operationJob(plan, state.id, event.data.step, event.data.op);
    await queues.retry(job);
  }
  await restore(queues, plan, state);
  // A root without pending children backs off between looks: have it look now.
  await queues.promote(rootJob(state));
}
