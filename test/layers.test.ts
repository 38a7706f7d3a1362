import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** From the bottom up. A file imports from its own folder and from those before it, types included. */
const LAYERS = [
  'errors.ts',
  'flows',
  'barrier',
  'reservations',
  'machine',
  'connections',
  'events',
  'journal',
  'queues',
  'telemetry',
  'producers',
  'connect-events.ts',
  'workers',
  'operations',
  'amends.ts',
  'nested-tcc.ts',
];
const TOP = ['index.ts', 'testing', 'cli'];

/** Packages that only these folders may know. */
const KEPT: Readonly<Record<string, readonly string[]>> = {
  bullmq: ['queues'],
  ioredis: ['connections', 'events', 'journal', 'queues'],
  pg: ['connections', 'barrier', 'reservations'],
  '@electric-sql/pglite': ['connections', 'cli'],
  'drizzle-orm': ['barrier'],
  kysely: ['barrier'],
  knex: ['barrier'],
  typeorm: ['barrier'],
  '@prisma/client': ['barrier'],
  'mysql2/promise': ['barrier'],
  express: [],
  '@opentelemetry/api': ['telemetry'],
  nodemailer: ['telemetry'],
};

function rank(layer: string): number {
  const known = LAYERS.indexOf(layer);
  if (known >= 0) return known;
  expect(TOP, `src/${layer} has no place in the list of layers: give it one`).toContain(layer);
  return LAYERS.length;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports = files.flatMap((file) => {
  const text = readFileSync(join(source, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => specifier!);
  return specifiers.map((specifier) => ({ file, layer: file.split('/')[0]!, specifier }));
});

test('every file imports only from its own folder and from the layers below', () => {
  const wrong = imports.filter(({ file, layer, specifier }) => {
    if (!specifier.startsWith('.')) return false;
    const target = relative(source, join(source, dirname(file), specifier));
    if (target.startsWith('..')) return layer !== 'cli'; // the demo runs the example and serves the dashboard
    const to = target.split('/')[0]!;
    return to !== layer && rank(to) >= rank(layer);
  });
  expect(wrong).toEqual([]);
  expect(imports.length).toBeGreaterThan(200);
});

test('each client library is known only where it belongs', () => {
  const wrong = imports.filter(({ layer, specifier }) => KEPT[specifier]?.includes(layer) === false);
  expect(wrong).toEqual([]);
});
