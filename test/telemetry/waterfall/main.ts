// Draws the trace of an order over three processes, from what a collector has received: `npm run waterfall [-- picture.png]`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpanKind, trace } from '@opentelemetry/api';
import { pino } from 'pino';
import { chromium } from 'playwright-core';
import { findChromium } from '../../../scripts/servers/chromium.mjs';
import { connect } from '../../../src/amends.ts';
import { ownRedis } from '../../faults/run/servers.ts';
import { until } from '../../faults/run/waiting.ts';
import { exportSpansTo, otlpReceiver } from '../otlp.ts';
import { waterfall, type Seen } from './draw.ts';
import { orderSaga } from './shop.ts';

const SERVICES = ['stock', 'payments'];
const script = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Each process has a collector of its own, so that it is known whose a span is. */
async function traceOf(url: string, closing: (() => Promise<unknown>)[]): Promise<readonly Seen[]> {
  const collector = async (process: string) => {
    const receiver = await otlpReceiver();
    closing.push(() => receiver.close());
    return { process, receiver };
  };
  const collectors = [await collector('web server')];
  for (const service of SERVICES) {
    const mine = await collector(`worker of ${service}`);
    collectors.push(mine);
    const child = fork(script, [service, url, mine.receiver.url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const gone = once(child, 'exit');
    closing.push(() => {
      child.kill('SIGKILL');
      return gone;
    });
    await Promise.race([once(child, 'message'), gone.then(() => Promise.reject(new Error(`the worker of ${service} has ended`)))]);
  }
  exportSpansTo(collectors[0]!.receiver.url);
  const amends = await connect(url, { logger: pino({ level: 'silent' }) });
  closing.push(() => amends.close());
  const run = await trace.getTracer('web').startActiveSpan('POST /orders', { kind: SpanKind.SERVER }, async (span) => {
    const started = await amends.start(orderSaga, { order: 'o-1' });
    span.end();
    return started;
  });
  const { status } = await run.outcome({ timeoutMs: 30_000 });
  if (status !== 'compensated') throw new Error(`the order is ${status}, and should have been undone`);
  const seen = (): readonly Seen[] => collectors.flatMap(({ process, receiver }) => receiver.spans.map((span) => ({ span, process })));
  const isWhole = (): boolean => seen().some(({ span }) => span.name === 'saga order');
  if (!(await until(isWhole, { timeoutMs: 10_000 }))) throw new Error('the span of the whole transaction has not arrived');
  const traces = new Set(seen().map(({ span }) => span.traceId));
  if (traces.size !== 1) throw new Error(`${traces.size} traces, and should be one`);
  return seen();
}

async function picture(svg: string, path: string): Promise<void> {
  const executablePath = await findChromium();
  if (executablePath === undefined) throw new Error('no Chromium on PATH: install one, or set AMENDS_CHROMIUM to its path');
  // Chromium refuses its sandbox to root; the only page it opens is ours.
  const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
  try {
    const page = await browser.newPage();
    await page.setContent(`<body style="margin:0">${svg}</body>`);
    await page.locator('svg').screenshot({ path });
  } finally {
    await browser.close();
  }
}

const path = process.argv[2] ?? 'docs/images/waterfall.png';
const folder = mkdtempSync(join(tmpdir(), 'amends-waterfall-'));
chmodSync(folder, 0o711);
const closing: (() => Promise<unknown>)[] = [];
try {
  const redis = await ownRedis(folder);
  if (redis === undefined) throw new Error('there is no redis-server on PATH: install it');
  closing.push(() => redis.stop());
  const seen = await traceOf(redis.url, closing);
  await picture(waterfall(seen, 'An order whose card is declined'), path);
  console.log(`${path}: ${seen.length} spans`);
} finally {
  for (const close of closing.toReversed()) await close();
  rmSync(folder, { recursive: true, force: true });
}
