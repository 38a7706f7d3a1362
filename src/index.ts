// Define: what runs.
export {
  step,
  type Step,
  type StepContext,
  type CompensationContext,
  type StepHandler,
  type StepLog,
  type StepOptions,
} from './flows/step.ts';
export {
  saga,
  type Saga,
  type SagaBuilder,
  type SagaContext,
  type SagaOptions,
  type UseOptions,
  type ConditionalUseOptions,
  type OptionalSignalUseOptions,
  type RequiredSignalUseOptions,
  type SignalUseOptions,
  type SleepDuration,
  type SleepOptions,
  type Branches,
} from './flows/saga.ts';
export { signal, type Signal } from './flows/signal.ts';
export { implement, type StepImplementation } from './flows/implement.ts';
export type { Plan, PlanStep, StepKind, WaitPlan } from './flows/plan.ts';
export type { RetryPolicy } from './flows/policy.ts';
export type { Json } from './flows/json.ts';

// Run: start, follow, work.
export { connect, type Amends, type ConnectOptions, type SqlExecutor } from './amends.ts';
export type { SagaRun } from './producers/run.ts';
export type { SagaOutcome } from './producers/outcome.ts';
export type { StartOptions } from './producers/start.ts';
export type { WaitOptions } from './producers/outcomes.ts';
export type { ControlOptions, ReasonedOptions } from './producers/control.ts';
export type { StoreKind } from './producers/store.ts';
export type { AmendsWorker, WorkerOptions } from './workers/worker.ts';

// Look: lists, history, state.
export type { JournaledEvent, ListFilter, TransactionPage, TransactionSummary } from './journal/journal.ts';
export type { TransactionEvent } from './machine/event.ts';
export type { Status, StepStatus, TurnReason, ErrorData } from './machine/state.ts';
export type { StepView, TransactionView, WaitView } from './machine/view.ts';

// Events of your own.
export type {
  AppendOptions,
  AppendResult,
  EventStore,
  ExpectedVersion,
  NewEvent,
  ReadOptions,
  RecordedEvent,
  StreamName,
} from './events/event-store.ts';

// Failures.
export { AmendsError, isAmendsError, SagaCompensatedError, SagaStuckError, StepFailed, type ErrorCode } from './errors.ts';
