import { pino } from 'pino';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { StepFailed } from '../../src/errors.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { defaultLogger } from '../../src/telemetry/logger.ts';
import { jsonLines, terminal } from '../../src/telemetry/terminal.ts';
import { amends, jsonLines as linesOf } from '../cli/command.ts';
import { connectTo, orderSaga } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { useSpans } from './spans.ts';

type Line = Readonly<Record<string, unknown>>;

function collected(level = 'info') {
  const raw: string[] = [];
  const logger = pino({ level }, { write: (line) => void raw.push(line) });
  return { logger, raw, lines: (): readonly Line[] => raw.map((line) => JSON.parse(line) as Line) };
}

/** A line of its own, orders to a terminal in both spellings, and text that reads as another one. */
const EVIL =
  'card declined\n{"level":50,"msg":"forged"}\r\n\u001b[2J\u001b]0;owned\u0007\u007f\u0085\u009b31m\u2028\u2029\u202a\u202e\u2066\u2069\u200b\u200f\u061c\ufeff\u{e0041}end';
/** What nobody sees. Only a line's own end may be in what is written. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const unseenIn = (text: string): readonly string[] =>
  Array.from(text)
    .filter((character) => character !== '\n' && UNSEEN.test(character))
    .map((character) => JSON.stringify(character));

describe.each(STORE_KINDS)('logs on %s', (kind) => {
  const store = useStore(kind);
  const spans = useSpans();

  test('a line for each transition, with transaction, step, attempt and trace; no payloads', async () => {
    const { logger, lines, raw } = collected();
    await using amends = await connectTo(store, { logger });
    const order = orderSaga([], {
      charge_card: {
        run({ attempt }) {
          if (attempt === 1) throw new Error('no answer');
          throw new StepFailed('card declined');
        },
      },
    });
    await amends.worker({ sagas: [order] }).run();
    const run = await amends.start(order, { order: 'SECRET-PAYLOAD' }, { id: `log-${store.namespace}` });
    expect((await run.outcome()).status).toBe('compensated');
    await eventually(() => expect(spans.named('start order')).toHaveLength(1));
    const { traceId } = spans.named('start order')[0]!.spanContext();
    const told = (): ReturnType<typeof lines> => lines().filter(({ transaction }) => transaction === run.id);
    // The end is heard of before its own process has said so.
    await eventually(() => expect(told().at(-1)?.['msg']).toBe('compensated'));
    expect(
      told().map(({ msg, step, attempt }) =>
        [msg, step, attempt].filter((part) => typeof part === 'string' || typeof part === 'number').join(' '),
      ),
    ).toEqual([
      'started',
      'step succeeded reserve_stock 1',
      'attempt failed, will be retried charge_card 1',
      'attempt started charge_card 2',
      'step failed charge_card 2',
      'the transaction turns back',
      'compensation succeeded charge_card 1',
      'compensation succeeded reserve_stock 1',
      'compensated',
    ]);
    expect(told().every((line) => line['trace_id'] === traceId && line['saga'] === 'order')).toBe(true);
    expect(raw.join('')).not.toContain('SECRET-PAYLOAD');
  });

  test('at level warn a transaction that goes well says nothing', async () => {
    const { logger, raw } = collected('warn');
    await using amends = await connectTo(store, { logger });
    const order = orderSaga([]);
    await amends.worker({ sagas: [order] }).run();
    await (await amends.start(order, { order: 'o' })).outcome();
    // What the store says of itself at the connect is another matter.
    expect(raw.filter((line) => line.includes('transaction"'))).toEqual([]);
  });

  test('what a participant says can forge no line', async () => {
    const { logger, raw, lines } = collected();
    await using amends = await connectTo(store, { logger });
    const order = orderSaga([], { charge_card: { run: () => Promise.reject(new StepFailed(EVIL)) } });
    await amends.worker({ sagas: [order] }).run();
    await (await amends.start(order, { order: 'o' })).outcome();
    expect(raw.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
    expect(lines().some(({ error }) => error === EVIL)).toBe(true);
    expect(lines().some(({ msg }) => msg === 'forged')).toBe(false);
  });

  test('what the schema marks is not in what the code of a step logs', async () => {
    const { logger, raw } = collected();
    await using amends = await connectTo(store, { logger });
    const Card = z.object({
      order: z.string(),
      card: z.object({ number: z.string().meta({ redact: true }), name: z.string() }),
      'pass-phrase': z.string().meta({ redact: true }),
      codes: z.array(z.object({ pin: z.string().meta({ redact: true }) })),
    });
    const charge = step({
      name: 'charge',
      input: Card,
      result: z.object({ token: z.string().meta({ redact: true }) }),
      run({ input, log }) {
        const result = { token: 'token-4711' };
        log.info({ input, result, ...input }, 'charging');
        return result;
      },
      compensate: () => undefined,
    });
    const marked = saga({ name: 'marked', version: 1, input: Card }).step(charge, ({ input }) => input);
    await amends.worker({ sagas: [marked] }).run();
    const secret = { order: 'o', card: { number: 'card-4111', name: 'Ann' }, 'pass-phrase': 'open sesame', codes: [{ pin: 'pin-0815' }] };
    await (await amends.start(marked, secret)).outcome();
    const [line] = raw.filter((one) => one.includes('charging'));
    expect(line).toMatch(/Ann/);
    expect(line).toContain('[redacted]');
    expect(line).not.toMatch(/card-4111|open sesame|pin-0815|token-4711/);
  });
});

describe('the default logger', () => {
  test('a terminal gets readable lines that can do nothing to it', async () => {
    const out = new PassThrough();
    const logger = pino({ level: 'info' }, terminal(out));
    const error = new Error(EVIL);
    error.stack = `Error: ${EVIL}\n    at charge (card.ts:1)`;
    logger.warn({ err: error, [`k\u001b[31m\u009b31m\u202e\n`]: 'v', [EVIL]: { [EVIL]: [EVIL] }, transaction: EVIL }, EVIL);
    logger.info('next');
    const text = await eventually(() => {
      const read = String(out.read() ?? '');
      expect(read).toContain('next');
      return read;
    });
    expect(unseenIn(text)).toEqual([]);
    // Lines of the log begin at the margin; nothing of what was said does.
    const margin = text.split('\n').filter((line) => /^\S/.test(line));
    expect(margin).toHaveLength(2);
    expect(text).toContain('card declined\\n');
  });

  test('lines of JSON hold nothing unseen either, and mean what was said', async () => {
    const out = new PassThrough();
    const logger = pino({ level: 'info' }, jsonLines(out));
    logger.warn({ error: EVIL, [EVIL]: { deep: [EVIL] }, plain: 'Grüße, 你好 👩🏽' }, EVIL);
    logger.child({ transaction: EVIL }).info('next');
    const text = String(out.read());
    expect(unseenIn(text)).toEqual([]);
    expect(text).toContain('\\u009b31m\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069');
    expect(text).toContain('Grüße, 你好 👩🏽');
    const [first, second] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(first).toMatchObject({ error: EVIL, [EVIL]: { deep: [EVIL] }, msg: EVIL });
    expect(second).toMatchObject({ transaction: EVIL, msg: 'next' });
  });

  test('a process whose steps fail with such texts, over inputs and tags of such texts, writes whole and harmless lines', async () => {
    const module = fileURLToPath(new URL('forger.mjs', import.meta.url));
    const folder = mkdtempSync(join(tmpdir(), 'amends-logs-'));
    const args = [
      'start',
      'forger',
      '--module',
      module,
      '--input',
      '-',
      '--tag-field',
      'words',
      '--wait',
      '--folder',
      join(folder, 'store'),
    ];
    const { stderr, stdout } = await amends(args, { input: JSON.stringify({ words: EVIL }), env: { AMENDS_LOG_LEVEL: 'info' } });
    rmSync(folder, { recursive: true });
    expect(unseenIn(stderr)).toEqual([]);
    expect(unseenIn(stdout)).toEqual([]);
    const lines = linesOf<Line>(stderr);
    expect(lines.filter(({ msg }) => msg === 'step failed')).toMatchObject([{ step: 'speak', error: EVIL }]);
    expect(lines.filter(({ msg }) => msg === 'forged')).toEqual([]);
  });

  test('its level is a setting, and a wrong one is refused', () => {
    expect(defaultLogger('debug').level).toBe('debug');
    expect(() => defaultLogger('loud')).toThrow(/AMENDS_LOG_LEVEL is "loud": give one of/);
  });
});
