import { Job } from 'bullmq';
import { expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { useBench } from './fixture.ts';

const bench = useBench('redis');

test('a job that a worker took and put off while it was being removed is removed all the same', async () => {
  const { plain } = engineOf(bench.amends).queues;
  const place = { queue: 'errands', jobId: 'put-off' };
  await plain.add({ ...place, name: 'x', message: {} });
  const remove = vi.spyOn(Job.prototype, 'remove').mockRejectedValueOnce(new Error('it is locked by another worker'));
  try {
    await plain.discard(place);
    expect(remove).toHaveBeenCalledTimes(2);
    expect(await plain.stateOf(place)).toBe('missing');
    await plain.add({ ...place, name: 'x', message: {} });
    remove.mockRejectedValue(new Error('the store is full'));
    await expect(plain.discard(place)).rejects.toThrow('the store is full');
  } finally {
    remove.mockRestore();
  }
});
