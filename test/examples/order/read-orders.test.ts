import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readOrders, type OrderLine } from '../../../examples/order/read-orders.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-read-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'orders.jsonl');
  await writeFile(path, text);
  return path;
}
async function all(path: string): Promise<OrderLine[]> {
  const lines: OrderLine[] = [];
  for await (const line of readOrders(path)) lines.push(line);
  return lines;
}

it('gives each line with its number', async () => {
  const path = await fileOf('\uFEFF{"orderId":"1"}\r\n\n  \n{"orderId":"2","country":"Curaçao"}');
  expect(await all(path)).toEqual([
    { line: 1, order: { orderId: '1' } },
    { line: 4, order: { orderId: '2', country: 'Curaçao' } },
  ]);
});

it('gives nothing for an empty file', async () => {
  expect(await all(await fileOf(''))).toEqual([]);
});

it('reads a file that is larger than a chunk', async () => {
  const path = await fileOf(Array.from({ length: 5000 }, (_, n) => JSON.stringify({ n, pad: 'é'.repeat(50) })).join('\n'));
  const lines = await all(path);
  expect(lines).toHaveLength(5000);
  expect(lines.at(-1)).toMatchObject({ line: 5000, order: { n: 4999 } });
});

it.each([
  ['{"a":1}\n{"a":', 2, 'not JSON'],
  ['\n\n[1]\n', 3, 'each line is one JSON object'],
  ['null\n', 1, 'each line is one JSON object'],
  [`{}\n"${'x'.repeat(1_200_000)}"`, 2, 'longer than 1048576 characters'],
])('names the line that is wrong', async (text, line, problem) => {
  const path = await fileOf(text);
  await expect(all(path)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(`${path} line ${line}: `),
    details: { path, line },
  });
  await expect(all(path)).rejects.toThrow(problem);
});

it('gives what comes before the line that is wrong', async () => {
  const seen: unknown[] = [];
  const reading = async (): Promise<void> => {
    for await (const { order } of readOrders(await fileOf('{"a":1}\nnonsense'))) seen.push(order);
  };
  await expect(reading()).rejects.toThrow('line 2');
  expect(seen).toEqual([{ a: 1 }]);
});

it('says which file is missing, and that a folder is none', async () => {
  await expect(all(join(folder, 'none.jsonl'))).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('none.jsonl'),
  });
  await expect(all(folder)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});

it('lets go of the file when the reader stops early', async () => {
  const path = await fileOf('{"a":1}\n{"a":2}\n');
  for await (const { line } of readOrders(path)) {
    expect(line).toBe(1);
    break;
  }
});
