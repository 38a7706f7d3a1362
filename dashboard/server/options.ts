import { isIP, isIPv6 } from 'node:net';
import type { Request } from 'express';
import { AmendsError } from '../../src/errors.ts';
import type { AccessOptions, Actor, Authorize } from './access.ts';

/** What somebody must know: the token (as bearer, or as the password of any user in a browser), or user and password. */
export type DashboardCredential = { readonly token: string } | { readonly user: string; readonly password: string };

/** Who may use the dashboard. Who knows what `viewer` says may look and change nothing; with `viewer` alone nobody may. */
export type DashboardAuth = (DashboardCredential & { readonly viewer?: DashboardCredential }) | { readonly viewer: DashboardCredential };

interface ConsoleOptions {
  /**
   * Decides what each request may do, after the credentials were checked: `true`, and it may.
   *
   * @example authorize: (request, action, transaction) => action === 'view' || (request.user.isOnCall && transaction?.saga !== 'payroll')
   */
  readonly authorize?: Authorize;
  /** The name of who asks, for the history of what is done. Default: the user that the credentials name. */
  readonly actor?: (request: Request) => string;
  /** Where a trace is shown, with `{traceId}` in it: `https://tempo.example.com/trace/{traceId}`. Default: no links to traces. */
  readonly traceUrl?: string;
}

export interface DashboardRouterOptions extends ConsoleOptions {
  /**
   * `false`: your own middleware before the router decides who may come here; they may look, and what else `authorize` says. Default:
   * AMENDS_DASHBOARD_TOKEN as token, AMENDS_DASHBOARD_VIEWER_TOKEN as a viewer's.
   */
  readonly auth?: DashboardAuth | false;
}

export interface StartDashboardOptions extends ConsoleOptions {
  /** Address to listen on. Default `127.0.0.1`; any that others can reach needs `auth`. */
  readonly host?: string;
  /** `0`: any free one. Default 3700. */
  readonly port?: number;
  /**
   * Default: AMENDS_DASHBOARD_TOKEN as token, AMENDS_DASHBOARD_VIEWER_TOKEN as a viewer's; without them everybody on this machine may use the
   * dashboard.
   */
  readonly auth?: DashboardAuth;
  /** Host names of a reverse proxy in front of a dashboard on loopback. Needs `auth`. Default: none. */
  readonly allowedHosts?: readonly string[];
  /**
   * How many reverse proxies are in front of it, or their addresses (`10.0.0.0/8`, `loopback`): the visitor's own address is then what they say in
   * `X-Forwarded-For`, by which wrong tries to log in are counted. Only what such a proxy really sets may be trusted. Default: none, and behind
   * a proxy all visitors have its address, so that who guesses blocks all for a minute.
   */
  readonly trustProxy?: number | readonly string[];
}

/** Credentials with what they allow. */
export interface Login {
  readonly credential: DashboardCredential;
  readonly role: 'operator' | 'viewer';
}

export interface ResolvedConsole {
  /** `undefined`: no credentials are asked for. */
  readonly logins: readonly Login[] | undefined;
  readonly access: AccessOptions;
  readonly traceUrl: string | undefined;
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly console: ResolvedConsole;
  /** The host names that requests may be for; `undefined`: any. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** As Express takes it. */
  readonly trustProxy: number | string[] | false;
}

const SHORTEST_SECRET = { token: 16, password: 8 };
const HOW_TO_PROTECT = 'set AMENDS_DASHBOARD_TOKEN to a long random text, or give auth: { token } or auth: { user, password }';

function refuse(problem: string): never {
  throw new AmendsError('INVALID_OPTION', `dashboard: ${problem}`);
}

/** Never quotes a secret. */
function checkSecret(name: keyof typeof SHORTEST_SECRET, value: unknown): string {
  const shortest = SHORTEST_SECRET[name];
  if (typeof value !== 'string' || value.length < shortest) {
    refuse(`the ${name} must be a text of at least ${shortest} characters: make one with openssl rand -hex 32`);
  }
  // What a browser or curl would send in other bytes than we compare can never match.
  if (!/^[\x21-\x7e]+$/.test(value)) refuse(`the ${name} has spaces or characters outside ASCII: use letters, digits and punctuation`);
  return value;
}

function resolveCredential(given: DashboardCredential): DashboardCredential {
  if (typeof given === 'object' && given !== null) {
    if ('token' in given) return { token: checkSecret('token', given.token) };
    if ('user' in given && typeof given.user === 'string' && /^[^:\p{Cc}]+$/u.test(given.user)) {
      return { user: given.user, password: checkSecret('password', given.password) };
    }
  }
  return refuse('auth must be { token } or { user, password }, the user without a colon; and so must be its viewer');
}

function environment(): readonly Login[] {
  const { AMENDS_DASHBOARD_TOKEN: token = '', AMENDS_DASHBOARD_VIEWER_TOKEN: viewer = '' } = process.env;
  const login = (text: string, role: Login['role']): readonly Login[] =>
    text === '' ? [] : [{ credential: { token: checkSecret('token', text) }, role }];
  return [...login(token, 'operator'), ...login(viewer, 'viewer')];
}

function resolveAuth(auth: DashboardAuth | undefined): readonly Login[] | undefined {
  const found: Login[] = [];
  if (auth === undefined) {
    found.push(...environment());
    return found.length === 0 ? undefined : found;
  }
  const { viewer, ...own } = typeof auth === 'object' && auth !== null ? auth : ({} as Record<string, never>);
  if (viewer === undefined || Object.keys(own).length > 0) {
    found.push({ credential: resolveCredential(own as DashboardCredential), role: 'operator' });
  }
  if (viewer !== undefined) found.push({ credential: resolveCredential(viewer), role: 'viewer' });
  return found;
}

function resolveConsole(
  logins: readonly Login[] | undefined,
  { authorize, actor, traceUrl }: ConsoleOptions,
  unknown: Actor,
): ResolvedConsole {
  for (const [name, value] of Object.entries({ authorize, actor })) {
    if (value !== undefined && typeof value !== 'function') refuse(`${name} is a ${typeof value}: give a function`);
  }
  if (traceUrl !== undefined && !(/^https?:\/\//.test(traceUrl) && traceUrl.includes('{traceId}'))) {
    refuse(`traceUrl is ${JSON.stringify(traceUrl)}: give an http(s) URL with {traceId} in it`);
  }
  return { logins, access: { authorize, actor, unknown }, traceUrl };
}

/** @throws {AmendsError} INVALID_OPTION when nobody has decided who may come in */
export function resolveRouterOptions(options: DashboardRouterOptions): ResolvedConsole {
  const { auth, authorize } = options;
  const logins = auth === false ? undefined : resolveAuth(auth);
  if (auth !== false && logins === undefined) {
    refuse(`who may use it? ${HOW_TO_PROTECT}; or auth: false when your own middleware before the router decides`);
  }
  // Who they are is not known here: without a word of the app they change nothing.
  return resolveConsole(logins, options, { name: 'unknown', role: authorize === undefined ? 'viewer' : 'custom' });
}

/** The bare host, in lower case and without the brackets of IPv6. */
export function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('::ffff:127.') || /^127(?:\.\d{1,3}){3}$/.test(host);
}

const PROXY_NAMES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

function isProxy(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  const [address = '', bits, ...more] = text.split('/');
  const most = isIPv6(address) ? 128 : 32;
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most);
  return PROXY_NAMES.includes(text) || (isIP(address) !== 0 && fits && more.length === 0);
}

/** Never all: what anybody may say of their own address is no address. */
function resolveTrustProxy(given: StartDashboardOptions['trustProxy']): ServerOptions['trustProxy'] {
  if (given === undefined) return false;
  if (Array.isArray(given) && given.length > 0 && given.every(isProxy)) return [...(given as readonly string[])];
  if (typeof given === 'number' && Number.isInteger(given) && given >= 1 && given <= 10) return given;
  return refuse(`trustProxy is ${JSON.stringify(given)}: give the number of proxies, 1 to 10, or a list of their addresses`);
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveServerOptions(options: StartDashboardOptions): ServerOptions {
  const port = options.port ?? 3700;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    refuse(`port is ${String(port)}: give a whole number from 0 (any free one) to 65535`);
  if (options.host !== undefined && (typeof options.host !== 'string' || options.host === '')) {
    refuse('host is empty: leave it out for 127.0.0.1, or name the address to listen on');
  }
  const host = bareHost(options.host ?? '127.0.0.1');
  const auth = resolveAuth(options.auth);
  const local: Actor = { name: 'somebody on this machine', role: 'operator' };
  const console = resolveConsole(auth, options, local);
  const allowed = (options.allowedHosts ?? []).map(bareHost);
  if (auth === undefined && !isLoopback(host)) {
    refuse(`on ${host} others can reach it, and nothing says who may: ${HOW_TO_PROTECT}; or leave host out to serve this machine only`);
  }
  if (auth === undefined && allowed.length > 0) refuse(`allowedHosts opens it to others, and nothing says who may: ${HOW_TO_PROTECT}`);
  const trustProxy = resolveTrustProxy(options.trustProxy);
  if (!isLoopback(host) && allowed.length === 0) return { host, port, console, hosts: undefined, trustProxy };
  return { host, port, console, trustProxy, hosts: new Set(['localhost', '127.0.0.1', '::1', host, ...allowed]) };
}
