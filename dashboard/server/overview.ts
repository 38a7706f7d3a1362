import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import type { Journal, TransactionSummary } from '../../src/journal/journal.ts';
import { STATUSES, type Status } from '../../src/machine/state.ts';
import type { Engine } from '../../src/producers/engine.ts';
import { rootJobId, sagaQueue } from '../../src/queues/names.ts';
import type { QueuePort } from '../../src/queues/queue-port.ts';

const STYLE = readFileSync(new URL('./overview.css', import.meta.url), 'utf8');
export const STYLE_DIGEST = createHash('sha256').update(STYLE).digest('base64');

/** Counting all would read all: the journal's indexes give pages. */
const MOST_COUNTED = 200;
const MOST_STUCK = 50;
const MOST_RECENT = 25;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Where things are on the page. */
interface Links {
  readonly base: string;
  readonly queues: Pick<QueuePort, 'nameInShard'>;
}

function row({ base, queues }: Links, { id, saga, status, error, updatedAtMs }: TransactionSummary): string {
  const root = { queue: sagaQueue(saga), jobId: rootJobId(id) };
  const job = `${base}/queues/queue/${encodeURIComponent(queues.nameInShard(root))}/${encodeURIComponent(root.jobId)}`;
  const at = new Date(updatedAtMs).toISOString();
  return `<tr><td><a href="${escape(job)}">${escape(id)}</a></td><td>${escape(saga)}</td><td>${status}</td>
<td>${escape(error ?? '')}</td><td><time datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time></td></tr>`;
}

function table(links: Links, transactions: readonly TransactionSummary[], whenEmpty: string): string {
  if (transactions.length === 0) return `<p>${whenEmpty}</p>`;
  return `<div class="table"><table>
<thead><tr><th>Transaction</th><th>Saga</th><th>Status</th><th>Error</th><th>Last change</th></tr></thead>
<tbody>${transactions.map((transaction) => row(links, transaction)).join('\n')}</tbody></table></div>`;
}

interface Found {
  readonly counts: ReadonlyMap<Status, string>;
  readonly stuck: readonly TransactionSummary[];
  readonly recent: readonly TransactionSummary[];
}

async function look(journal: Journal): Promise<Found> {
  const pages = await Promise.all(STATUSES.map((status) => journal.list({ status: [status], limit: MOST_COUNTED })));
  const recent = await journal.list({ limit: MOST_RECENT });
  const counts = STATUSES.map((status, i): [Status, string] => {
    const { transactions, nextCursor } = pages[i]!;
    return [status, `${transactions.length}${nextCursor === undefined ? '' : '+'}`];
  });
  return {
    counts: new Map(counts.filter(([, count]) => count !== '0')),
    stuck: pages[STATUSES.indexOf('stuck')]!.transactions.slice(0, MOST_STUCK),
    recent: recent.transactions,
  };
}

function page(links: Links, namespace: string, { counts, stuck, recent }: Found): string {
  const { base } = links;
  const tiles = [...counts].map(([status, count]) => `<div><dt>${status}</dt><dd>${count}</dd></div>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="10">
<title>Amends${stuck.length > 0 ? `: ${counts.get('stuck')} stuck` : ''}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Amends</h1>
<nav><a href="${base}/queues">Queues and jobs</a><a href="${base}/healthz">Health</a><span>namespace ${escape(namespace)}</span></nav>
<dl>${tiles}</dl>
<h2>Stuck: a person has to act</h2>
${stuck.length > 0 ? '<p>Mend the cause, then open the transaction, choose its failed job and press Retry; or run <code>amends retry &lt;id&gt;</code>.</p>' : ''}
${table(links, stuck, 'Nothing is stuck.')}
<h2>Newest transactions</h2>
${table(links, recent, 'None yet: start one with <code>amends start</code> or <code>client.start()</code>.')}
</body>
</html>
`;
}

/** What there is, at a glance: counts, what waits for a person, and what was started last. One page, no script. */
export function overview({ journal, queues, namespace }: Pick<Engine, 'journal' | 'queues' | 'namespace'>): RequestHandler {
  return async (request, response) => {
    const found = await look(journal);
    response
      .set('Cache-Control', 'no-store')
      .type('html')
      .send(page({ base: escape(request.baseUrl), queues }, namespace, found));
  };
}
