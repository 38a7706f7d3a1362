import type { JSX } from 'preact';
import type { Transaction } from '../../api/transaction.ts';
import { Badge, lookOfStep } from '../parts/status.tsx';
import { Until } from '../parts/time.tsx';
import { transactionAddress } from './place.ts';

const SETTLED = new Set(['confirmed', 'cancelled', 'failed', 'withdrawn', 'skipped', 'pending']);

function Expiry({ step }: { readonly step: Transaction['steps'][number] }): JSX.Element {
  if (step.holdExpiresAtMs === null) return <span class="muted">not asked for yet</span>;
  if (SETTLED.has(step.status)) return <span class="muted">settled before it ran out</span>;
  return <Until ms={step.holdExpiresAtMs} past="has run out: the participant may give it back" />;
}

/** Of a TCC: what is held, and until when. */
export function Holds({ transaction: { id, steps, verdict, awaitsVerdict } }: { readonly transaction: Transaction }): JSX.Element {
  const said =
    verdict === null
      ? awaitsVerdict
        ? 'no verdict yet: it waits to be told'
        : 'no verdict yet'
      : verdict === 'confirm'
        ? 'verdict: confirm everything'
        : 'verdict: cancel everything';
  return (
    <section class="panel" aria-labelledby="holds-heading">
      <div class="panel-head">
        <h2 id="holds-heading">Reservations</h2>
        <span class={`verdict tone-${verdict === null ? 'wait' : verdict === 'confirm' ? 'good' : 'undo'}`}>{said}</span>
      </div>
      <div class="table">
        <table>
          <thead>
            <tr>
              <th scope="col">Reservation</th>
              <th scope="col">Service</th>
              <th scope="col">Status</th>
              <th scope="col">Hold runs out</th>
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <tr key={step.name} data-row>
                <td class="break">
                  <a href={transactionAddress(id, { step: step.name, op: 'run' })}>{step.name}</a>
                </td>
                <td class="muted break">{step.service ?? 'inline'}</td>
                <td>
                  <Badge look={lookOfStep(step.status)} />
                </td>
                <td>
                  <Expiry step={step} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
