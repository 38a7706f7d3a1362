import type { Request, RequestHandler, Router } from 'express';
import * as z from 'zod';
import type { ROUTES } from '../../api/routes.ts';
import { AmendsError } from '../../../src/errors.ts';
import type { Json } from '../../../src/flows/json.ts';
import { refuse } from '../refusal.ts';
import { jsonBody } from './body.ts';
import { queryOf } from './query.ts';

type Routes = typeof ROUTES;
type RouteOf<Name extends keyof Routes> = Routes[Name];
type Parsed<Route, Part extends 'query' | 'body'> = Route extends { readonly [P in Part]: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;

/** What is answered, as those give it who do not change what they give. */
type Given<T> = z.core.util.JSONType extends T
  ? Json
  : T extends readonly (infer One)[]
    ? readonly Given<One>[]
    : T extends object
      ? { readonly [Key in keyof T]: Given<T[Key]> }
      : T;

interface Call<Name extends keyof Routes> {
  readonly request: Request;
  /** A part of the path. */
  readonly param: (name: string) => string;
  readonly query: Parsed<RouteOf<Name>, 'query'>;
  readonly body: Parsed<RouteOf<Name>, 'body'>;
}

export type Answer<Name extends keyof Routes> = Given<z.output<RouteOf<Name>['answer']>>;
export type Handlers = { readonly [Name in keyof Routes]: (call: Call<Name>) => Promise<Answer<Name>> };

function parsed(schema: z.ZodType | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map(({ path, message }) => `${[what, ...path].map(String).join('.')}: ${message}`);
  throw new AmendsError('INVALID_OPTION', issues.join('; '));
}

interface AnyRoute {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
}

/** Only what is said to be understood is: a parameter of another route would silently do nothing. */
const NO_QUERY = z.strictObject({});
const NO_BODY = z.strictObject({});

/** Adds the routes of the API to a router, each with the checks its schemas say. */
export function addRoutes(router: Router, routes: Routes, handlers: Handlers): void {
  const methods = new Map<string, string[]>();
  for (const name of Object.keys(routes) as (keyof Routes)[]) {
    const route: AnyRoute = routes[name];
    const path = `/${route.path}`;
    const handle = handlers[name] as (call: Call<never>) => Promise<unknown>;
    const answer: RequestHandler = async (request, response) => {
      const query = parsed(route.query ?? NO_QUERY, queryOf(request.originalUrl), 'query');
      const body = route.method === 'post' ? parsed(route.body ?? NO_BODY, request.body, 'body') : undefined;
      const param = (key: string): string => String(request.params[key]);
      const found = await handle({ request, param, query, body } as never);
      response.set('Cache-Control', 'no-store').json(found);
    };
    if (route.method === 'post') router.post(path, jsonBody, answer);
    else router.get(path, answer);
    methods.set(path, [...(methods.get(path) ?? []), ...(route.method === 'get' ? ['GET', 'HEAD'] : ['POST'])]);
  }
  for (const [path, allowed] of methods) {
    router.all(path, (request, response) => {
      refuse(response.set('Allow', allowed.join(', ')), 405, `${request.method} does nothing here: it takes ${allowed.join(', ')}`);
    });
  }
}
