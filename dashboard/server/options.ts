import { AmendsError } from '../../src/errors.ts';

/** Who may use the dashboard: who knows the token (as bearer, or as the password of any user in a browser), or user and password. */
export type DashboardAuth = { readonly token: string } | { readonly user: string; readonly password: string };

export interface DashboardRouterOptions {
  /** `false`: your own middleware before the router decides who may come here. Default: AMENDS_DASHBOARD_TOKEN as token. */
  readonly auth?: DashboardAuth | false;
}

export interface StartDashboardOptions {
  /** Address to listen on. Default `127.0.0.1`; any that others can reach needs `auth`. */
  readonly host?: string;
  /** `0`: any free one. Default 3700. */
  readonly port?: number;
  /** Default: AMENDS_DASHBOARD_TOKEN as token; without it everybody on this machine may use the dashboard. */
  readonly auth?: DashboardAuth;
  /** Host names of a reverse proxy in front of a dashboard on loopback. Needs `auth`. Default: none. */
  readonly allowedHosts?: readonly string[];
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly auth: DashboardAuth | undefined;
  /** The host names that requests may be for; `undefined`: any. */
  readonly hosts: ReadonlySet<string> | undefined;
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

function resolveAuth(auth: DashboardAuth | undefined): DashboardAuth | undefined {
  if (auth === undefined) {
    const token = process.env.AMENDS_DASHBOARD_TOKEN;
    return token === undefined || token === '' ? undefined : { token: checkSecret('token', token) };
  }
  if (typeof auth === 'object' && auth !== null) {
    if ('token' in auth) return { token: checkSecret('token', auth.token) };
    if ('user' in auth && typeof auth.user === 'string' && /^[^:\p{Cc}]+$/u.test(auth.user)) {
      return { user: auth.user, password: checkSecret('password', auth.password) };
    }
  }
  return refuse('auth must be { token } or { user, password }, the user without a colon');
}

/** @throws {AmendsError} INVALID_OPTION when nobody has decided who may come in */
export function resolveRouterAuth({ auth }: DashboardRouterOptions): DashboardAuth | undefined {
  if (auth === false) return undefined;
  return (
    resolveAuth(auth) ?? refuse(`who may use it? ${HOW_TO_PROTECT}; or auth: false when your own middleware before the router decides`)
  );
}

/** The bare host, in lower case and without the brackets of IPv6. */
export function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('::ffff:127.') || /^127(?:\.\d{1,3}){3}$/.test(host);
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
  const allowed = (options.allowedHosts ?? []).map(bareHost);
  if (auth === undefined && !isLoopback(host)) {
    refuse(`on ${host} others can reach it, and nothing says who may: ${HOW_TO_PROTECT}; or leave host out to serve this machine only`);
  }
  if (auth === undefined && allowed.length > 0) refuse(`allowedHosts opens it to others, and nothing says who may: ${HOW_TO_PROTECT}`);
  if (!isLoopback(host) && allowed.length === 0) return { host, port, auth, hosts: undefined };
  return { host, port, auth, hosts: new Set(['localhost', '127.0.0.1', '::1', host, ...allowed]) };
}
