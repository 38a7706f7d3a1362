import type { JSX } from 'preact';
import type { Action } from '../../api/action-names.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ShapeMark } from '../parts/shape.tsx';
import { counted, listed, operationWord } from '../parts/words.ts';
import { ACTION_TEXTS } from './action-texts.ts';
import { transactionAddress } from './place.ts';
import { stuckSteps, turnText } from './summary.ts';

interface StuckProps {
  readonly transaction: Transaction;
  readonly ask: (action: Action, step?: string) => void;
}

const REPAIRS: readonly Action[] = ['retry', 'mark_undone', 'skip'];

/** What a person who was woken needs: where it is stuck, on what, what stands because of it, and what can be done about it. */
export function Stuck({ transaction, ask }: StuckProps): JSX.Element | null {
  const { id, kind, status, actions, attempts, notCompensated } = transaction;
  if (status !== 'stuck') return null;
  const turned = turnText(transaction);
  const stuck = stuckSteps(transaction);
  // With several the button of one is of that one only.
  const several = stuck.length > 1;
  const retried = actions.find(({ action }) => action === 'retry')?.steps.length ?? 0;
  return (
    <section class="stuck-box tone-bad" aria-label="Why it is stuck">
      {stuck.map(({ name, stuckIn, error, service }) => {
        const failed = attempts.filter(({ step, op, outcome }) => step === name && op === stuckIn && outcome !== 'succeeded').length;
        const repairs = REPAIRS.filter((repair) =>
          actions.some(({ action, steps }) => action === repair && (steps.length === 0 || steps.includes(name))),
        );
        return (
          <div key={name} class="stuck-step">
            <ShapeMark shape="octagon" />
            <div>
              <h2 class="break">
                The {operationWord(kind, stuckIn!)} of <a href={transactionAddress(id, { step: name, op: stuckIn! })}>{name}</a> failed
                {failed > 0 && ` ${failed === 1 ? 'once' : counted(failed, 'time')}`}
                {service !== null && <span class="muted"> in {service}</span>}
              </h2>
              {error !== null && <p class="stuck-error break">{error.message}</p>}
              <div class="spread repairs">
                {repairs.map((repair) => (
                  <button
                    key={repair}
                    type="button"
                    class={`button${repair === 'retry' && !several ? ' main-action' : ''}`}
                    onClick={() => ask(repair, repair === 'retry' && !several ? undefined : name)}
                  >
                    {repair === 'retry' ? `Retry the ${operationWord(kind, stuckIn!)}` : ACTION_TEXTS[repair].title}…
                  </button>
                ))}
                {repairs.length === 0 && <span class="muted">You may look, not repair: ask an operator.</span>}
              </div>
            </div>
          </div>
        );
      })}
      {several && retried > 1 && (
        <p>
          <button type="button" class="button main-action" onClick={() => ask('retry')}>
            Retry all {retried}…
          </button>
        </p>
      )}
      <dl class="facts">
        {turned !== undefined && (
          <>
            <dt>It turned back because</dt>
            <dd>{turned}</dd>
          </>
        )}
        {notCompensated.length > 0 && (
          <>
            <dt>{kind === 'tcc' ? 'Its verdict has not reached' : 'Left behind until then'}</dt>
            <dd>{listed(notCompensated)}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
