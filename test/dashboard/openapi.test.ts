import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import express from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_BASE, ROUTES } from '../../dashboard/api/routes.ts';
import { openApi } from '../../dashboard/server/api/openapi.ts';
import { markApi } from '../../dashboard/server/refusal.ts';
import { consolePages } from '../../dashboard/server/ui.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly operationId: string; readonly parameters: readonly { readonly name: string }[] }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

describe('the description of the API', () => {
  const document = JSON.parse(JSON.stringify(openApi())) as Document;

  test('has every route, with its parameters', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
    );
    const routes = Object.entries(ROUTES).map(
      ([name, { method, path }]) => `${method} /${API_BASE}/${path.replace(/:(\w+)/g, '{$1}')} ${name}`,
    );
    expect(described.sort()).toEqual(routes.sort());
    const list = document.paths[`/${API_BASE}/transactions`]!['get']!.parameters.map(({ name }) => name);
    expect(list.sort()).toEqual([
      'cursor',
      'error',
      'errorGroup',
      'fromMs',
      'id',
      'idPrefix',
      'kind',
      'limit',
      'saga',
      'status',
      'step',
      'tag',
      'toMs',
    ]);
  });

  test('is one by the schema of OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(JSON.stringify(document)) as Record<string, unknown>)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect((await new Validator().validate({ ...document, paths: { 'no slash': {} } })).valid).toBe(false);
  });

  test('refers to nothing that it does not have', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
    expect(references.length).toBeGreaterThan(20);
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references.filter((reference) => !known.includes(reference))).toEqual([]);
    expect(document.components.schemas).toHaveProperty('Transaction.properties.attempts');
  });
});

describe('the pages of the console', () => {
  let folder: string;
  const app = express();
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'amends-ui-'));
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./assets/app-1a2b.js"></script>');
    writeFileSync(join(folder, 'assets/app-1a2b.js'), 'export {};');
    writeFileSync(join(folder, '.secret'), 'x');
    app.use(markApi).use('/ops/sagas', consolePages(folder));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are one page at every path, which finds its assets wherever it is mounted, and runs nothing inline', async () => {
    for (const path of [
      '',
      '/',
      '/transactions',
      '/transactions/eu%2Ftrip%3A1',
      '/inbox',
      '/services',
      '/statistics',
      '/streams/order/a%2Fb',
    ]) {
      const { text, headers } = await request(app).get(`/ops/sagas${path}`).expect(200).expect('Content-Type', /html/);
      expect(text).toContain('src="/ops/sagas/assets/app-1a2b.js"');
      expect(headers['cache-control']).toBe('no-cache');
      expect(headers['content-security-policy']).toContain("script-src 'self'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
    }
    await request(app).post('/ops/sagas/inbox').expect(405);
    await request(app).get('/ops/sagas/nothing').expect(404);
  });

  test('assets are kept for ever, and nothing else is given away', async () => {
    const asset = await request(app)
      .get('/ops/sagas/assets/app-1a2b.js')
      .expect(200)
      .expect('Content-Type', /javascript/);
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    for (const path of ['/.secret', '/assets/..%2f.secret', '/assets/%2e%2e/.secret', '/assets/none.js']) {
      const { status, text } = await request(app).get(`/ops/sagas${path}`);
      expect([path, [403, 404].includes(status), text === 'x']).toEqual([path, true, false]);
    }
  });

  test('say how to build them when they were not', async () => {
    const { body } = await request(express().use(consolePages(join(folder, 'none'))))
      .get('/inbox')
      .expect(503);
    expect(body).toMatchObject({ message: expect.stringContaining('npm run build') as string });
  });
});
