import request from 'supertest';
import type * as z from 'zod';
import { expect } from 'vitest';
import { API_BASE, ROUTES } from '../../dashboard/api/routes.ts';

type Routes = typeof ROUTES;
type Answer<Name extends keyof Routes> = z.output<Routes[Name]['answer']>;

interface Given {
  /** Parts of the path. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: object;
}

function pathOf(name: keyof Routes, { path = {}, query = '' }: Given = {}): string {
  const filled = ROUTES[name].path.replace(/:(\w+)/g, (_, part: string) => encodeURIComponent(path[part]!));
  return `/${API_BASE}/${filled}${query === '' ? '' : `?${query}`}`;
}

/** Asks the API, and holds its answer to the contract: nothing missing, and nothing more. */
export async function ask<Name extends keyof Routes>(url: string, name: Name, given: Given = {}): Promise<Answer<Name>> {
  const path = pathOf(name, given);
  const answer =
    ROUTES[name].method === 'get'
      ? await request(url).get(path)
      : await request(url)
          .post(path)
          .send(given.body ?? {});
  expect({ path, status: answer.status, body: answer.status === 200 ? undefined : (answer.body as unknown) }).toEqual({
    path,
    status: 200,
  });
  const parsed = ROUTES[name].answer.parse(answer.body);
  expect(parsed).toEqual(answer.body);
  return parsed as Answer<Name>;
}

/** Asks for what is refused: the status and the code. */
export async function refused(url: string, name: keyof Routes, given: Given = {}): Promise<string> {
  const path = pathOf(name, given);
  const answer =
    ROUTES[name].method === 'get'
      ? await request(url).get(path)
      : await request(url)
          .post(path)
          .send(given.body ?? {});
  const { error } = answer.body as { error?: { code: string; message: string } };
  expect(error, `${path} was answered with ${answer.status}`).toEqual({ code: expect.any(String), message: expect.any(String) });
  return `${answer.status} ${error!.code}`;
}
