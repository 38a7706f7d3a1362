import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { QueueState, Services } from '../../api/services.ts';
import { useLoaded } from '../browser/api.ts';
import { addressOf, base } from '../browser/place.ts';
import { ICONS } from '../parts/icons.tsx';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { ShapeMark } from '../parts/shape.tsx';
import type { Look } from '../parts/tone.ts';
import { counted, operationWord } from '../parts/words.ts';

/** Who serves a queue is not told by any event: it is asked for while the page is seen. */
const EVERY_MS = 3_000;
/** A saga may have hundreds of steps of its own. */
const MOST_NAMED = 12;

function workersLook(queue: QueueState, unserved: boolean): Look {
  if (queue.workers === null) return { tone: 'wait', shape: 'question', word: 'workers not known' };
  if (queue.workers > 0) return { tone: 'good', shape: 'check', word: counted(queue.workers, 'worker') };
  return unserved
    ? { tone: 'bad', shape: 'octagon', word: 'no worker' }
    : { tone: 'wait', shape: 'dash', word: 'no worker, none needed now' };
}

function Depth({ word, count, tone }: { readonly word: string; readonly count: number; readonly tone?: string }): JSX.Element {
  return (
    <div class={count > 0 && tone !== undefined ? `tone-${tone} depth` : 'depth'}>
      <dt>{word}</dt>
      <dd class="number">{count.toLocaleString('en')}</dd>
    </div>
  );
}

function Queue({ queue, unserved }: { readonly queue: QueueState; readonly unserved: boolean }): JSX.Element {
  const look = workersLook(queue, unserved);
  const title = queue.service ?? queue.saga ?? queue.name;
  const steps = new Map(queue.steps.map((one) => [one.step, one]));
  return (
    <article class={`queue panel${look.tone === 'bad' ? ' unserved' : ''}`} aria-label={title} data-row>
      <div class="queue-head">
        <h2 class="break">
          {title} <span class="muted small">{queue.service === null ? 'saga’s own queue' : 'service'}</span>
        </h2>
        <span class={`badge tone-${look.tone}`}>
          <ShapeMark shape={look.shape} />
          {look.word}
        </span>
        {queue.paused && (
          <span class="badge tone-hold">
            <ShapeMark shape="bars" /> queue paused
          </span>
        )}
        <span class="after spread">
          {queue.urls.map((url, at) => (
            <a key={url} class="outside" href={base + url.replace(/^\//, '')}>
              Bull Board{queue.urls.length > 1 ? ` ${at + 1}` : ''} {ICONS.outside}
            </a>
          ))}
        </span>
      </div>
      <dl class="depths">
        <Depth word="waiting" count={queue.waiting} tone={look.tone === 'bad' ? 'bad' : 'busy'} />
        <Depth word="active" count={queue.active} tone="busy" />
        <Depth word="delayed" count={queue.delayed} tone="hold" />
        <Depth word="failed" count={queue.failed} tone="hold" />
        {queue.service === null && <Depth word="waits for its steps" count={queue.waitingChildren} />}
      </dl>
      {steps.size > 0 && (
        <p class="small muted break">
          {queue.service === null ? 'Inline: ' : 'Serves '}
          {[...steps.values()].slice(0, MOST_NAMED).map(({ step, saga, ops }, at) => (
            <span key={step}>
              {at > 0 && ', '}
              <code title={`${saga}: ${ops.map((op) => operationWord('saga', op)).join(', ')}`}>{step}</code>
            </span>
          ))}
          {steps.size > MOST_NAMED && ` and ${steps.size - MOST_NAMED} more`}
        </p>
      )}
      {queue.workerNames.length > 0 && <p class="small muted break">Workers: {queue.workerNames.join(', ')}</p>}
    </article>
  );
}

export function ServicesPage(): JSX.Element {
  const { data, error, loading, reload } = useLoaded<Services>('services');
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const unservedQueues = new Set(data?.unserved.map(({ queue }) => queue));
  // What needs somebody first, then what people know by name.
  const rank = ({ name, service }: QueueState): number => (unservedQueues.has(name) ? 0 : service === null ? 2 : 1);
  const queues = [...(data?.queues ?? [])].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  return (
    <>
      <div class="page-head">
        <h1>Services and workers</h1>
      </div>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the services" />}
      {data !== undefined && data.unserved.length > 0 && (
        <section class="stuck-box tone-bad unserved-list" role="alert" aria-label="Steps that nobody serves">
          <ul>
            {data.unserved.map(({ saga, step, service, text }) => (
              <li key={`${saga} ${step}`}>
                <ShapeMark shape="octagon" />
                <p class="break">
                  <strong>{text}</strong>{' '}
                  <span class="muted">
                    of <a href={addressOf(['transactions'], { saga, status: ['running', 'compensating'] })}>{saga}</a>
                    {service !== null && `, in ${service}`}
                  </span>
                </p>
              </li>
            ))}
          </ul>
          <p class="small">
            Start a worker that has these steps: <code>npx amends worker ./{data.unserved[0]?.service ?? 'your'}/worker.js</code>. What
            waits is done as soon as it runs; nothing is lost.
          </p>
        </section>
      )}
      {data !== undefined && !data.knowsWorkers && (
        <p class="muted">This store does not tell who takes jobs, so that a missing worker shows by what waits.</p>
      )}
      {data?.queues.length === 0 && (
        <div class="panel">
          <Empty title="No saga is known yet">
            <p>
              A saga is known when a worker or a first start has registered its plan. Its services, their queues and who serves them stand
              here then.
            </p>
          </Empty>
        </div>
      )}
      <div class="queues">
        {queues.map((queue) => (
          <Queue key={queue.name} queue={queue} unserved={unservedQueues.has(queue.name)} />
        ))}
      </div>
    </>
  );
}
