import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { FailedLogins } from './failed-logins.ts';
import type { DashboardAuth } from './options.ts';
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

function isRight({ user, secret }: Credentials, auth: DashboardAuth): boolean {
  // A browser can't send a bearer token by itself, so it may come as the password of any user.
  if ('token' in auth) return isEqual(secret, auth.token);
  const sameUser = isEqual(user ?? '', auth.user);
  const samePassword = isEqual(secret, auth.password);
  return user !== undefined && sameUser && samePassword;
}

/** Lets in who knows the secret; 401 for others, and 429 after too many wrong tries from one address. */
export function authenticate(auth: DashboardAuth): RequestHandler {
  const challenge = ['Basic realm="Amends", charset="UTF-8"', ...('token' in auth ? ['Bearer realm="Amends"'] : [])];
  const help = 'token' in auth ? 'Authorization: Bearer <token>, or the token as password of any user' : 'user and password';
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
    if (credentials !== undefined && isRight(credentials, auth)) {
      failures.succeeded(address);
      next();
      return;
    }
    if (header !== undefined) failures.failed(address);
    response.set('WWW-Authenticate', challenge);
    refuse(response, 401, `log in: send ${help}`);
  };
}
