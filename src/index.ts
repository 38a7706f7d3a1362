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
export { resource, implementResource, type Resource, type ResourceImplementation, type ResourceOptions } from './flows/resource.ts';
export type { CancelContext, ConfirmContext, RenewContext, ResourceHandler, TryContext } from './flows/resource-code.ts';
export {
  tcc,
  type ConditionalReserveOptions,
  type Reservations,
  type ReserveOptions,
  type Tcc,
  type TccBuilder,
  type TccContext,
  type TccOptions,
} from './flows/tcc.ts';
export { implement, type StepImplementation } from './flows/implement.ts';
export type { HoldPlan, Plan, PlanStep, StepKind, WaitPlan } from './flows/plan.ts';
export type { RetryPolicy } from './flows/policy.ts';
export type { Json } from './flows/json.ts';

// Run: start, follow, work.
export { connect, type Amends, type ConnectOptions, type SqlExecutor } from './amends.ts';
export { nest, nestedResource, type NestedHold, type NestedTcc } from './nested-tcc.ts';
export type { SagaRun } from './producers/run.ts';
export type { SagaOutcome } from './producers/outcome.ts';
export type { TccRun } from './producers/tcc-run.ts';
export type { TccOutcome } from './producers/tcc-outcome.ts';
export type { StartOptions, TccStartOptions } from './producers/start.ts';
export type { WaitOptions } from './producers/outcomes.ts';
export type { ControlOptions, ReasonedOptions, RetryOptions } from './producers/control.ts';
export type { StoreKind } from './producers/store.ts';
export type { AmendsWorker, WorkerOptions } from './workers/worker.ts';

// Watch: traces, measurements, alerts.
export type { TelemetryOptions } from './telemetry/telemetry.ts';
export type { MeterSource } from './telemetry/metrics.ts';
export type { TracerSource } from './telemetry/tracing.ts';
export type { Alert, AlertRule } from './telemetry/alerts/alert.ts';
export type { AlertChannel, CallbackChannel, EmailChannel, SlackChannel, WebhookChannel } from './telemetry/alerts/channels.ts';
export type { AlertOptions } from './telemetry/alerts/options.ts';
export type { AlertRules } from './telemetry/alerts/rules.ts';

// Look: lists, history, state.
export type { JournaledEvent, ListFilter, TransactionPage, TransactionSummary } from './journal/journal.ts';
export type { TransactionEvent } from './machine/event.ts';
export type { Status, StepStatus, TurnReason, ErrorData } from './machine/state.ts';
export type { StepView, TransactionView, WaitView } from './machine/view.ts';
export type { ReservationStatus } from './machine/words.ts';

// Events of your own.
export {
  connectEvents,
  eventStream,
  FORGOTTEN,
  TOMBSTONE,
  type AppendOptions,
  type AppendResult,
  type CallersTransaction,
  type ConnectEventsOptions,
  type DeadLetter,
  type DumpLine,
  type DumpOptions,
  type EventContext,
  type EventFollowers,
  type EventOf,
  type Events,
  type EventsConnection,
  type EventStore,
  type EventStream,
  type EventStreamBuilder,
  type EventStreamOptions,
  type EventStreams,
  type EventSubscriptions,
  type ExpectedVersion,
  type FoldedStream,
  type GlobalLog,
  type KnownEvent,
  type Loaded,
  type LogFilter,
  type LoggedEvent,
  type LogPage,
  type LogPartition,
  type LogReadOptions,
  type NewEvent,
  type NewEventOf,
  type Positioned,
  type Projection,
  type ProjectionContext,
  type ProjectionOptions,
  type ReactionContext,
  type ReadAllOptions,
  type ReadOptions,
  type RecordedEvent,
  type RelayOptions,
  type ReplayResult,
  type Restored,
  type RunningProjection,
  type SetupContext,
  type SeveralAppends,
  type StreamAppend,
  type StreamHead,
  type StreamName,
  type StreamState,
  type SubscribedEvent,
  type Subscription,
  type SubscriptionStatus,
  type TombstoneOptions,
  type TypedAppendOptions,
  type TypedSubscribeOptions,
  type UnknownEvent,
} from './connect-events.ts';

// Failures.
export {
  AmendsError,
  HoldExpired,
  isAmendsError,
  SagaCompensatedError,
  SagaStuckError,
  StepFailed,
  TccCancelledError,
  TccStuckError,
  type ErrorCode,
} from './errors.ts';
