import * as z from 'zod';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { saga, step, StepFailed, type Amends, type Saga } from 'amends';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { connectTo } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { amends as run, begin, jsonLines } from './command.ts';

const Order = z.object({ order: z.string(), card: z.string().meta({ redact: true }) });

function orderSaga(conduct: { canUndo: boolean }): Saga<z.infer<typeof Order>, unknown> {
  const nothing = z.object({});
  const reserve = step({
    name: 'reserve',
    input: z.object({}),
    result: nothing,
    compensation: { retry: { attempts: 1 } },
    run: () => ({}),
    compensate() {
      if (!conduct.canUndo) throw new Error('the stock service is away');
    },
  });
  const ship = step({
    name: 'ship',
    service: 'shipping',
    input: z.object({ card: z.string() }),
    result: nothing,
    retry: { attempts: 1 },
    run({ input }) {
      throw new StepFailed(`no carrier for ${input.card}`);
    },
  });
  return saga({ name: 'order', version: 1, input: Order })
    .step(reserve, () => ({}))
    .step(ship, ({ input }) => ({ card: input.card }), { pivot: true })
    .returns(() => ({}));
}

describe.each(['redis', 'postgres'] as const)('what the console does, from the command line, on %s', { timeout: 90_000 }, (kind) => {
  const store = useStore(kind);
  const at = (...args: string[]): string[] => [...args, '--url', store.url, '--namespace', namespace];
  const conduct = { canUndo: false };
  let amends: Amends;
  let namespace = store.namespace;
  let tests = 0;
  beforeEach(async () => {
    conduct.canUndo = false;
    namespace = `${store.namespace}_${++tests}`;
    amends = await connectTo(store, { namespace });
  });
  afterEach(() => amends.close());

  async function stuck(count: number): Promise<void> {
    const definition = orderSaga(conduct);
    await amends.worker({ sagas: [definition] }).run();
    for (let i = 1; i <= count; i++) {
      const started = await amends.start(definition, { order: `o${i}`, card: '4111-1111' }, { id: `order-${i}` });
      expect((await started.outcome({ timeoutMs: 20_000 })).status).toBe('stuck');
    }
  }

  test('list by all that the console filters by; inbox; stats; services', async () => {
    await stuck(2);
    const ids = async (...filter: string[]) =>
      jsonLines(await run(at('list', '--json', ...filter)).then(({ stdout }) => stdout)).map(({ id }) => id);
    expect(await ids('--id-prefix', 'order-', '--kind', 'saga', '--error', 'STOCK SERVICE')).toEqual(['order-2', 'order-1']);
    expect(await ids('--id', 'order-1', '--from', '1h')).toEqual(['order-1']);
    expect(await ids('--to', '1h')).toEqual([]);
    expect(await ids('--kind', 'tcc')).toEqual([]);
    expect(await run(at('list', '--from', 'yesterday'))).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('is no time') as string,
    });

    const inbox = await run(at('inbox'));
    expect(inbox.code).toBe(EXIT.ok);
    expect(inbox.stdout).toMatch(/2 +order +compensate reserve +.* +reserve +order-1 +the stock service is away/);
    expect(jsonLines((await run(at('inbox', '--json'))).stdout)).toMatchObject([{ saga: 'order', step: 'reserve', count: 2 }]);
    expect(jsonLines((await run(at('stats', '--window', '10min', '--json'))).stdout)).toMatchObject([
      { count: 2, sagas: [{ started: 2, stuck: 2 }] },
    ]);
    expect((await run(at('stats'))).stdout).toMatch(/order +2 /);

    const served = await run(at('services'));
    expect([served.code, served.stdout]).toEqual([EXIT.ok, expect.stringMatching(/saga-order +1 /) as string]);
    await amends.close();
    await eventually(async () => {
      const unserved = await run(at('services'));
      expect([unserved.code, unserved.stdout]).toEqual([EXIT.failed, expect.stringContaining('! no worker for ship') as string]);
    });
  });

  test('bulk counts with --dry-run and changes nothing, then does all of them', async () => {
    await stuck(3);
    const bulk = (...args: string[]) => run(at('bulk', 'retry', '--status', 'stuck', '--saga', 'order', ...args));
    const counted = await bulk('--dry-run');
    expect([counted.code, counted.stdout]).toEqual([EXIT.ok, expect.stringContaining('3 would be asked to retry: 3 stuck.') as string]);
    expect((await amends.list({ status: ['stuck'] })).transactions).toHaveLength(3);
    expect(await bulk()).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('--reason') as string });
    expect((await run(at('bulk', 'retry', '--reason', 'x'))).code).toBe(EXIT.usage);
    expect((await run(at('bulk', 'explode', '--saga', 'order'))).code).toBe(EXIT.usage);
    conduct.canUndo = true;
    const done = await bulk('--reason', 'the stock service is back', '--rate', '100');
    expect([done.code, done.stdout]).toEqual([EXIT.ok, '3 of 3 done, 0 failed.\n']);
    await eventually(async () => expect((await amends.list({ status: ['compensated'] })).transactions).toHaveLength(3));
    const history = await amends.get('order-2').history();
    expect(history.map(({ event }) => event).find(({ type }) => type === 'retry_requested')?.data).toMatchObject({
      reason: 'the stock service is back',
      by: expect.stringMatching(/./) as string,
    });
    expect(await run(at('bulk', 'retry', '--id', 'order-1', '--reason', 'again'))).toMatchObject({
      code: EXIT.failed,
      stdout: '0 of 1 done, 1 failed.\n',
      stderr: expect.stringContaining('order-1: transaction order-1 is not stuck') as string,
    });
  });

  test('--dry-run says what an act would lead to, --if-version holds it to what was seen, --step to one step', async () => {
    await stuck(1);
    const { version } = await amends.get('order-1').view();
    expect(await run(at('retry', 'order-1', '--dry-run'))).toMatchObject({
      code: EXIT.ok,
      stdout: `order-1 is stuck at version ${version}: will try again reserve; it is compensating then\n`,
    });
    for (const act of [['skip', 'reserve'], ['mark-undone', 'reserve'], ['terminate'], ['pause']] as const) {
      const [name, ...step] = act;
      const told = await run(at(name, 'order-1', ...step, '--dry-run'));
      expect([name, told.code, told.stdout]).toEqual([name, EXIT.ok, expect.stringContaining(`at version ${version}: `) as string]);
    }
    expect(await run(at('cancel', 'order-1', '--dry-run'))).toMatchObject({
      code: EXIT.failed,
      stdout: expect.stringContaining('refused: it is so already') as string,
    });
    expect((await amends.get('order-1').view()).version).toBe(version);
    const seen = String(version - 1);
    expect(await run(at('retry', 'order-1', '--if-version', seen))).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('has changed meanwhile') as string,
    });
    expect((await run(at('retry', 'order-1', '--step', 'ship'))).stderr).toContain('step "ship" of transaction order-1 is not stuck');
    expect((await amends.get('order-1').view()).version).toBe(version);
    conduct.canUndo = true;
    expect((await run(at('retry', 'order-1', '--step', 'reserve', '--if-version', String(version)))).code).toBe(EXIT.ok);
    expect((await amends.get('order-1').outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
  });

  test('bulk list shows what runs and what ran; bulk stop ends it from another process, and says who', async () => {
    await stuck(30);
    const bulk = begin(at('bulk', 'pause', '--saga', 'order', '--reason', 'stock-taking', '--rate', '1', '--json'));
    const list = async () => jsonLines((await run(at('bulk', 'list', '--json'))).stdout);
    await eventually(async () =>
      expect(await list()).toMatchObject([{ action: 'pause', state: 'running', reason: 'stock-taking', total: 30 }]),
    );
    const [{ id } = { id: '' }] = await list();
    expect((await run(at('bulk', 'stop', String(id), '--reason', 'the wrong ones'))).code).toBe(EXIT.ok);
    const { code, stdout } = await bulk.ended;
    expect([code, jsonLines(stdout)]).toMatchObject([EXIT.failed, [{ state: 'stopped', stop: { reason: 'the wrong ones' } }]]);
    expect((await run(at('bulk', 'list'))).stdout).toMatch(/pause +stopped .* of 30 .*stock-taking/);
    expect((await run(at('bulk', 'stop', String(id)))).stdout).toContain('is stopped already');
    expect((await run(at('bulk', 'stop', 'none'))).code).toBe(EXIT.usage);
  });

  test('bulk mark-undone is done to all that is stuck on a step', async () => {
    await stuck(2);
    const bulk = (...args: string[]) => run(at('bulk', 'mark-undone', '--saga', 'order', '--reason', 'counted by hand', ...args));
    expect((await bulk('--step', 'ship')).stdout).toBe('0 of 0 done, 0 failed.\n');
    expect((await bulk('--step', 'reserve')).stdout).toBe('2 of 2 done, 0 failed.\n');
    expect((await amends.get('order-2').view()).status).toBe('compensated');
  });

  test('mark-undone takes a stuck undo for done; show hides what is marked as sensitive', async () => {
    await stuck(1);
    expect((await run(at('mark-undone', 'order-1', 'reserve'))).code).toBe(EXIT.usage);
    expect((await run(at('mark-undone', 'order-1', 'ship', '--reason', 'x'))).code).toBe(EXIT.usage);
    expect((await run(at('mark-undone', 'order-1', 'reserve', '--reason', 'counted by hand'))).code).toBe(EXIT.ok);
    expect((await amends.get('order-1').view()).status).toBe('compensated');
    const [text, json] = await Promise.all([run(at('show', 'order-1')), run(at('show', 'order-1', '--json'))]);
    expect(text.stdout).toContain('undone by hand');
    expect(text.stdout).toContain('counted by hand');
    expect(text.stdout).toContain('no carrier for [redacted]');
    for (const { stdout } of [text, json, await run(at('list', '--json'))]) expect(stdout).not.toContain('4111-1111');
    expect(jsonLines(json.stdout)).toMatchObject([{ input: { order: 'o1', card: '[redacted]' } }]);
  });
});
