import type { JSX } from 'preact';
import type { Attempt } from '../../api/attempt.ts';
import type { Transaction } from '../../api/transaction.ts';
import { base } from '../browser/place.ts';
import { Copy } from '../parts/copy.tsx';
import { ICONS } from '../parts/icons.tsx';
import { Badge } from '../parts/status.tsx';
import { At, durationText, Until } from '../parts/time.tsx';
import { outcomeLook } from '../timeline/outcomes.ts';
import { ranFrom } from '../timeline/rows.ts';
import { useUnserved } from '../timeline/unserved.ts';
import { TraceLink } from '../transaction/header.tsx';

interface AttemptFactsProps {
  readonly transaction: Transaction;
  readonly attempt: Attempt;
}

/** Everything about one attempt that helps to find it in a log. */
export function AttemptFacts({ transaction, attempt }: AttemptFactsProps): JSX.Element {
  const { error, worker, queuedAtMs, startedAtMs, endedAtMs, backoffUntilMs, idempotencyKey, traceId } = attempt;
  const unserved = useUnserved();
  const job = transaction.jobs.find(({ step, op }) => step === attempt.step && op === attempt.op);
  return (
    <section class="drawer-part" aria-label={`Attempt ${attempt.attempt}`}>
      <h3 class="spread">
        Attempt {attempt.attempt} <Badge look={outcomeLook(attempt, unserved)} />
      </h3>
      {error !== null && (
        <div class="attempt-error tone-bad">
          <p class="break">
            <strong>{error.name}</strong>
            {error.code !== undefined && <code> {error.code}</code>}: {error.message}
          </p>
          {error.stack !== undefined && (
            <details>
              <summary>Stack and causes</summary>
              <pre tabIndex={0} role="region" aria-label="Stack">
                <code>{error.stack}</code>
              </pre>
            </details>
          )}
        </div>
      )}
      <dl class="facts">
        <dt>Queued</dt>
        <dd>
          <At ms={queuedAtMs} />
        </dd>
        <dt>Started</dt>
        <dd>
          {startedAtMs === null ? (
            <span class="muted">{attempt.attempt === 1 ? 'told with its end' : 'no worker has told yet'}</span>
          ) : (
            <At ms={startedAtMs} />
          )}
        </dd>
        {endedAtMs !== null && (
          <>
            <dt>Ended</dt>
            <dd>
              <At ms={endedAtMs} /> <span class="muted">after {durationText(endedAtMs - ranFrom(attempt))}</span>
            </dd>
          </>
        )}
        {backoffUntilMs !== null && (
          <>
            <dt>Next attempt</dt>
            <dd>
              <Until ms={backoffUntilMs} past="has begun since" />
            </dd>
          </>
        )}
        <dt>Worker</dt>
        <dd>{worker === null ? <span class="muted">not known</span> : <code>{worker}</code>}</dd>
        <dt>Idempotency key</dt>
        <dd class="with-copy">
          <code>{idempotencyKey}</code>
          <Copy text={idempotencyKey} what="idempotency key" />
        </dd>
        {(job !== undefined || traceId !== null) && (
          <>
            <dt>Elsewhere</dt>
            <dd class="spread">
              {job !== undefined && (
                <a href={base + job.url.replace(/^\//, '')} class="outside">
                  Job {ICONS.outside}
                </a>
              )}
              <TraceLink traceId={traceId} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
