import type { JSX } from 'preact';
import type { Action } from '../../api/action-names.ts';
import type { Transaction } from '../../api/transaction.ts';
import { useNow } from '../browser/clock.ts';
import { addressOf, base } from '../browser/place.ts';
import { useSession } from '../browser/session.ts';
import { Copy } from '../parts/copy.tsx';
import { ICONS } from '../parts/icons.tsx';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';
import { At, durationText, Until } from '../parts/time.tsx';
import { useUnserved } from '../timeline/unserved.ts';
import { ACTION_TEXTS } from './action-texts.ts';
import { summaryText } from './summary.ts';

/** What needs a step is asked for where that step is. */
const HERE: readonly Action[] = ['confirm', 'signal', 'resume', 'pause', 'retry', 'cancel', 'terminate'];

function Took({ transaction: { startedAtMs, endedAtMs } }: { readonly transaction: Transaction }): JSX.Element {
  const now = useNow(endedAtMs === null ? 1_000 : null);
  return (
    <span class="number">
      {durationText(endedAtMs === null ? Math.floor((now - startedAtMs) / 1_000) * 1_000 : endedAtMs - startedAtMs)}
    </span>
  );
}

/** An address that an option gave: only one that a browser may follow. */
function safeAddress(text: string): string | undefined {
  try {
    const url = new URL(text, window.location.href);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

export function TraceLink({ traceId }: { readonly traceId: string | null }): JSX.Element | null {
  const template = useSession()?.links.trace ?? null;
  if (traceId === null) return null;
  const address = template === null ? undefined : safeAddress(template.replace('{traceId}', encodeURIComponent(traceId)));
  if (address === undefined) return <code class="break">{traceId}</code>;
  return (
    <a href={address} target="_blank" rel="noreferrer">
      Trace <span class="id">{traceId.slice(0, 8)}…</span>
    </a>
  );
}

/** When the first of its steps is tried again that back off. */
function firstRetry({ steps }: Transaction): number | undefined {
  return steps.flatMap(({ retryAtMs }) => retryAtMs ?? []).sort((a, b) => a - b)[0];
}

interface HeaderProps {
  readonly transaction: Transaction;
  readonly ask: (action: Action) => void;
}

export function Header({ transaction, ask }: HeaderProps): JSX.Element {
  const {
    id,
    saga,
    kind,
    definitionVersion,
    status,
    startedAtMs,
    endedAtMs,
    deadlineAtMs,
    direction,
    verdict,
    tags,
    parent,
    children,
    jobs,
    traceId,
    actions,
  } = transaction;
  const unserved = useUnserved();
  const retryAtMs = status === 'stuck' ? undefined : firstRetry(transaction);
  const root = jobs.find(({ op }) => op === 'root');
  // What is stuck has its repairs beside the reason.
  const possible = HERE.filter((action) => actions.some((one) => one.action === action) && !(status === 'stuck' && action === 'retry'));
  return (
    <header class={`transaction-head tone-${STATUS_LOOKS[status].tone}`}>
      <div class="crumbs">
        <a href={addressOf(['transactions'])}>Transactions</a>
        <span aria-hidden="true">/</span>
        <a href={addressOf(['transactions'], { saga })}>{saga}</a>
        {parent !== null && (
          <>
            <span aria-hidden="true">/</span>
            <a href={addressOf(['transactions', parent])}>part of {parent}</a>
          </>
        )}
      </div>
      <div class="title-line">
        <h1 class="break mono-title">{id}</h1>
        <Copy text={id} what="id" />
        <div class="after spread">
          {possible.map((action) => (
            <button
              key={action}
              type="button"
              class={`button${action === 'confirm' ? ' main-action' : ''}${ACTION_TEXTS[action].danger ? ' danger' : ''}`}
              onClick={() => ask(action)}
            >
              {ACTION_TEXTS[action].title}…
            </button>
          ))}
        </div>
      </div>
      <div class="outcome" role="status">
        <Badge look={STATUS_LOOKS[status]} large />
        <p class="break">{summaryText(transaction, unserved)}</p>
      </div>
      <dl class="head-facts">
        <div>
          <dt>{kind === 'tcc' ? 'TCC' : 'Saga'}</dt>
          <dd>
            {saga} <span class="muted">version {definitionVersion}</span>
          </dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>
            <At ms={startedAtMs} />
          </dd>
        </div>
        <div>
          <dt>{endedAtMs === null ? 'So far' : 'Took'}</dt>
          <dd>
            <Took transaction={transaction} />
          </dd>
        </div>
        {deadlineAtMs !== null && endedAtMs === null && direction === 'forward' && verdict === null && (
          <div>
            <dt>Deadline</dt>
            <dd>
              <Until ms={deadlineAtMs} past="has passed" />
            </dd>
          </div>
        )}
        {retryAtMs !== undefined && (
          <div>
            <dt>Next attempt</dt>
            <dd>
              <Until ms={retryAtMs} past="now" />
            </dd>
          </div>
        )}
        {children.length > 0 && (
          <div>
            <dt>Has started</dt>
            <dd class="spread">
              {children.map((child) => (
                <a key={child.id} href={addressOf(['transactions', child.id])} class="spread tight">
                  <Badge look={STATUS_LOOKS[child.status]} /> <span class="id">{child.id}</span>
                </a>
              ))}
            </dd>
          </div>
        )}
        {Object.keys(tags).length > 0 && (
          <div>
            <dt>Tags</dt>
            <dd class="tags">
              {Object.entries(tags).map(([name, value]) => (
                <a key={name} class="tag" href={addressOf(['transactions'], { tag: `${name}=${value}` })}>
                  {name}={value}
                </a>
              ))}
            </dd>
          </div>
        )}
        {(root !== undefined || traceId !== null) && (
          <div>
            <dt>Elsewhere</dt>
            <dd class="spread">
              {root !== undefined && (
                <a href={base + root.url.replace(/^\//, '')} class="outside">
                  Root job {ICONS.outside}
                </a>
              )}
              <TraceLink traceId={traceId} />
            </dd>
          </div>
        )}
      </dl>
    </header>
  );
}
