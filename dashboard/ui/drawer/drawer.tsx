import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Action } from '../../api/action-names.ts';
import type { Operation } from '../../api/common.ts';
import type { Step, Transaction } from '../../api/transaction.ts';
import { useEscape } from '../browser/keys.ts';
import { addressOf } from '../browser/place.ts';
import { lookOf } from '../graph/looks.ts';
import { ICONS } from '../parts/icons.tsx';
import { JsonValue, Nothing } from '../parts/json.tsx';
import { Badge } from '../parts/status.tsx';
import { Until } from '../parts/time.tsx';
import { operationWord } from '../parts/words.ts';
import type { KnownAttempts } from '../timeline/attempts.ts';
import { useUnserved } from '../timeline/unserved.ts';
import { ACTION_TEXTS } from '../transaction/action-texts.ts';
import { transactionAddress, type Looked } from '../transaction/place.ts';
import { operationText } from '../transaction/summary.ts';
import { AttemptFacts } from './attempt.tsx';
import { AttemptList } from './attempt-list.tsx';

const KINDS: Readonly<Record<Step['kind'], string>> = {
  compensatable: 'undone when it turns back',
  readOnly: 'changes nothing, so there is nothing to undo',
  pivot: 'the pivot: once it succeeded, nothing is undone',
  retriable: 'after the pivot: retried until it succeeds',
  reservation: 'a reservation: confirmed or cancelled by the verdict',
};

const STEP_ACTIONS: readonly Action[] = ['retry', 'mark_undone', 'skip'];

function operationsOf(step: Step, kind: Transaction['kind']): readonly Operation[] {
  return ['run', ...(step.hasUndo ? (['compensate'] as const) : []), ...(kind === 'tcc' ? (['confirm'] as const) : [])];
}

interface DrawerProps {
  readonly transaction: Transaction;
  readonly known: KnownAttempts;
  readonly looked: Looked;
  readonly onClose: () => void;
  readonly ask: (action: Action, step?: string) => void;
}

/** What is known about one operation of a step and its attempts, beside the page. */
export function Drawer({ transaction, known: { attempts, omitted }, looked, onClose, ask }: DrawerProps): JSX.Element {
  const { id, kind, steps, actions } = transaction;
  const unserved = useUnserved();
  const panel = useRef<HTMLElement>(null);
  useEscape(onClose);
  // The focus comes here with each operation that is opened, and goes back to where it was when the drawer is closed.
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement || before instanceof SVGElement) if (before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const at = `${looked.op} ${looked.step}`;
  useEffect(() => {
    if (panel.current?.contains(document.activeElement) !== true) panel.current?.focus({ preventScroll: true });
  }, [at]);
  const step = steps.find(({ name }) => name === looked.step);
  const made = attempts.filter((attempt) => attempt.step === looked.step && attempt.op === looked.op);
  const attempt = looked.attempt === undefined ? made.at(-1) : made.find((one) => one.attempt === looked.attempt);
  const possible = STEP_ACTIONS.filter((action) =>
    actions.some((one) => one.action === action && one.steps.includes(looked.step) && step?.stuckIn === looked.op),
  );
  return (
    <aside class="drawer" ref={panel} tabIndex={-1} aria-label={`Step ${looked.step}`} data-keys>
      <div class="drawer-head">
        <div class="break">
          <h2>{step === undefined ? looked.step : operationText(kind, step.name, looked.op)}</h2>
          {step !== undefined && <Badge look={lookOf(step, looked.op, transaction, unserved)} />}
        </div>
        <button type="button" class="icon-button" aria-label="Close the drawer" onClick={onClose}>
          {ICONS.close}
        </button>
      </div>
      {step === undefined ? (
        <p class="drawer-part">This saga has no such step. The link may be of another version.</p>
      ) : (
        <>
          <nav class="tabs" aria-label="Operations of the step">
            {operationsOf(step, kind).map((op) => (
              <a key={op} href={transactionAddress(id, { step: step.name, op })} aria-current={op === looked.op ? 'true' : undefined}>
                {operationWord(kind, op)}
              </a>
            ))}
          </nav>
          <div class="drawer-part">
            <p class="muted">
              {step.service === null ? 'Runs inline' : 'Runs in '}
              {step.service !== null && <a href={addressOf(['services'])}>{step.service}</a>}; {KINDS[step.kind]}
              {step.conditional && '; skipped when its condition says no'}.
            </p>
            {step.wait !== null && (
              <p>
                It waits for {step.wait.kind === 'timer' ? 'its timer' : 'a signal'}
                {step.wait.untilMs !== null && (
                  <>
                    , which ends <Until ms={step.wait.untilMs} past="now" />
                  </>
                )}
                .
              </p>
            )}
            {step.retryAtMs !== null && (
              <p>
                The next attempt comes <Until ms={step.retryAtMs} past="now" />.
              </p>
            )}
            {possible.length > 0 && (
              <div class="spread">
                {possible.map((action) => (
                  <button
                    key={action}
                    type="button"
                    class={`button${ACTION_TEXTS[action].danger ? ' danger' : ''}`}
                    onClick={() => ask(action, step.name)}
                  >
                    {ACTION_TEXTS[action].title}…
                  </button>
                ))}
              </div>
            )}
          </div>
          {step.wait === null && (
            <section class="drawer-part" aria-label="Attempts">
              <h3>Attempts</h3>
              {made.length === 0 ? (
                <Nothing>
                  {omitted > 0
                    ? 'Too long ago to be drawn: the history has them.'
                    : looked.op === 'run'
                      ? 'Not attempted yet.'
                      : 'Not needed so far.'}
                </Nothing>
              ) : (
                <AttemptList id={id} attempts={made} chosen={attempt?.attempt} />
              )}
            </section>
          )}
          {attempt !== undefined && <AttemptFacts transaction={transaction} attempt={attempt} />}
          {looked.attempt !== undefined && attempt === undefined && made.length > 0 && (
            <p class="drawer-part">Attempt {looked.attempt} is not among those that are kept at hand: the history has it.</p>
          )}
          <section class="drawer-part">
            <h3>Input</h3>
            {step.input === null ? (
              <Nothing>{step.status === 'pending' ? 'Known when it is reached.' : 'None.'}</Nothing>
            ) : (
              <JsonValue value={step.input} label="Input of the step" />
            )}
          </section>
          <section class="drawer-part">
            <h3>{kind === 'tcc' ? 'Hold' : 'Result'}</h3>
            {step.result === null ? (
              <Nothing>None so far.</Nothing>
            ) : (
              <JsonValue value={step.result} label={kind === 'tcc' ? 'Hold' : 'Result of the step'} />
            )}
          </section>
        </>
      )}
    </aside>
  );
}
