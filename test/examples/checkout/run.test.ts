import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { createPostgresPlace } from '../../support/postgres-place.ts';
import { STORE_KINDS, useStore } from '../../support/stores.ts';

const script = fileURLToPath(new URL('../../../dist/examples/checkout/run.js', import.meta.url));

describe.each(STORE_KINDS)('a checkout over stock and credit, on %s', (kind) => {
  const store = useStore(kind);

  test("T19 what is held can't be sold meanwhile, and the books agree in the evening", { timeout: 60_000 }, async () => {
    const { PATH = '', HOME = '' } = process.env;
    const folder = await mkdtemp(join(inject('temporaryFolder'), 'checkout-'));
    const database = kind === 'embedded' ? undefined : await createPostgresPlace(`${store.namespace}_books`);
    const env = {
      PATH,
      HOME,
      AMENDS_LOG_LEVEL: 'error',
      CHECKOUT_DATA_DIR: folder,
      CHECKOUT_NAMESPACE: store.namespace,
      ...(kind === 'embedded' ? {} : { AMENDS_URL: store.url, CHECKOUT_DATABASE_URL: database!.url }),
    };
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [script], { env, cwd: folder });
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.replace(/teapot-\w+/, 'teapot')),
      ).toEqual([
        'in the morning: 5 teapots can be sold',
        'while ann thinks about it: 0 teapots can be sold',
        'ben: cancelled, stock: 1 of teapot were asked for, and 0 are left',
        'ann: cancelled',
        'when ann has left: 5 teapots can be sold',
        'somebody without credit: cancelled',
        'and then: 5 teapots can be sold',
        'ten buyers of the last five: 5 confirmed, 5 cancelled',
        'in the evening: 0 teapots can be sold',
        '5 buyers have paid: the books agree',
      ]);
    } finally {
      await database?.end({ keep: false });
    }
  });
});
