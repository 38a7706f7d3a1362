import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { FailedLogins } from './failed-logins.ts';
import type { Access, Actor } from './access.ts';
import type { DashboardCredential, Login } from './options.ts';
import { refuse } from './refusal.ts';

interface Credentials {
  readonly user: string | undefined;
  readonly secret: string;
}

/** Of `Bearer …` or `Basic …`. */
function credentialsOf(header: string): Credentials | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+) *$/i.exec(header) ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return { user: undefined, secret: value };
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** Takes as long for a wrong text as for the right one: the digests have one length, whatever was sent. */
function isEqual(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function isRight({ user, secret }: Credentials, credential: DashboardCredential): boolean {
  // A browser can't send a bearer token by itself, so it may come as the password of any user.
  if ('token' in credential) return isEqual(secret, credential.token);
  const sameUser = isEqual(user ?? '', credential.user);
  const samePassword = isEqual(secret, credential.password);
  return user !== undefined && sameUser && samePassword;
}

/** Whose credentials these are. All are compared, so that the time tells nothing. */
function loginOf(credentials: Credentials, logins: readonly Login[]): Login | undefined {
  return logins.filter(({ credential }) => isRight(credentials, credential))[0];
}

/** Who they say they are: with a token it is not proven, but better than nothing in a history. */
function actorOf({ user }: Credentials, { credential, role }: Login): Actor {
  if ('user' in credential) return { name: credential.user, role };
  const said = (user ?? '').replace(/\p{Cc}/gu, '').slice(0, 64);
  return { name: said === '' ? `token (${role})` : `${said} (${role} token)`, role };
}

/** Lets in who knows a secret; 401 for others, and 429 after too many wrong tries from one address. */
export function authenticate(logins: readonly Login[], access: Access): RequestHandler {
  const byToken = logins.some(({ credential }) => 'token' in credential);
  const challenge = ['Basic realm="Amends", charset="UTF-8"', ...(byToken ? ['Bearer realm="Amends"'] : [])];
  const help = byToken ? 'Authorization: Bearer <token>, or the token as password of any user' : 'user and password';
  const failures = new FailedLogins();
  return (request, response, next) => {
    const address = request.ip ?? '';
    const wait = failures.waitSeconds(address);
    if (wait > 0) {
      response.set('Retry-After', String(wait));
      refuse(response, 429, `too many wrong tries: wait ${wait} s`);
      return;
    }
    const header = request.headers.authorization;
    const credentials = header === undefined ? undefined : credentialsOf(header);
    const login = credentials === undefined ? undefined : loginOf(credentials, logins);
    if (credentials !== undefined && login !== undefined) {
      access.known(request, actorOf(credentials, login));
      next();
      return;
    }
    if (header !== undefined) failures.failed(address);
    response.set('WWW-Authenticate', challenge);
    refuse(response, 401, `log in: send ${help}`);
  };
}
