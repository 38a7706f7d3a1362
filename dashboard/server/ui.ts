import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import express, { Router, type RequestHandler } from 'express';
import { PACKAGE_ROOT } from './package-root.ts';
import { refuse } from './refusal.ts';
import { consoleHeaders } from './security-headers.ts';

/** What the console's pages have as their paths: each of them is the one page, which looks at the path itself. */
const PAGES = ['/', '/transactions{/*rest}', '/inbox', '/services', '/statistics', '/streams{/*rest}'];

function escape(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Where the built console is. */
const UI_FOLDER: string = join(PACKAGE_ROOT, 'dist/dashboard/ui');

/** What is answered where the package was not built: the API and Bull Board work all the same. */
const notBuilt: RequestHandler = (_request, response) => {
  refuse(response, 503, `the console is not built: run npm run build, which puts it into ${relative(PACKAGE_ROOT, UI_FOLDER)}`);
};

function pageIn(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'index.html'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The built console, under whatever path it is mounted. */
export function consolePages(folder: string = UI_FOLDER): Router {
  const page = pageIn(folder);
  const router = Router();
  const index: RequestHandler = (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(response.set('Allow', 'GET, HEAD'), 405, `this can only be read: ${request.method} does nothing here`);
      return;
    }
    if (page === undefined) return notBuilt(request, response, next);
    // A page of any depth finds what it needs from where the console is mounted.
    const html = page.replaceAll('="./', `="${escape(request.baseUrl)}/`);
    response.set('Cache-Control', 'no-cache').type('html').send(html);
  };
  router.all(PAGES, consoleHeaders, index);
  // Their names have a digest of what is in them.
  router.use('/assets', express.static(join(folder, 'assets'), { index: false, immutable: true, maxAge: '1y', redirect: false }));
  router.use(express.static(folder, { index: false, maxAge: 0, redirect: false, dotfiles: 'ignore' }));
  return router;
}
