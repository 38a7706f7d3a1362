import { beforeAll, describe, expect, test } from 'vitest';
import { expectAppends, nextEventIds, presentCause, within, type Cause } from '../../src/events/cause.ts';

const cause = (key: string) => (): Cause => ({ key, correlationId: 'c', causationId: key });

describe('ids of events within a cause', () => {
  beforeAll(expectAppends);

  test('count by stream, and begin anew with every attempt', async () => {
    const attempt = () =>
      within(cause('saga:step:run'), async () => {
        const first = nextEventIds('order/1', 2)!;
        await Promise.resolve();
        return [...first, ...nextEventIds('order/2', 1)!, ...nextEventIds('order/1', 1)!];
      });
    const ids = await attempt();
    expect(new Set(ids).size).toBe(4);
    expect(await attempt()).toEqual(ids);
    expect(ids.every((id) => id.startsWith('saga:step:run/'))).toBe(true);
  });

  test('are others for another cause, and for causes at the same time', async () => {
    const [left, right] = await Promise.all(['a', 'b'].map((key) => within(cause(key), async () => nextEventIds('order/1', 1)!)));
    expect(left).not.toEqual(right);
  });

  test('stay short, however long the chain of what brought them about', () => {
    let key = 'x'.repeat(500);
    for (let i = 0; i < 50; i++) key = within(cause(`subscription:${key}`), () => nextEventIds('order/1', 1)![0]!);
    expect(Buffer.byteLength(key)).toBeLessThan(512);
    const others = ['a', 'b'].map((end) => within(cause('x'.repeat(500) + end), () => nextEventIds('order/1', 1)!));
    expect(others[0]).not.toEqual(others[1]);
  });

  test('there are none outside', () => {
    expect(presentCause()).toBeUndefined();
    expect(nextEventIds('order/1', 1)).toBeUndefined();
  });
});
