import { createHmac } from 'node:crypto';
import { AmendsError } from '../../errors.ts';
import { headlineOf, type Alert } from './alert.ts';
import { post } from './post.ts';

interface Named {
  /** Tells it from others of its kind; the same in all workers. Default: its kind. */
  readonly name?: string;
}

interface HttpChannel extends Named {
  readonly url: string;
  /** Sends also to addresses that are not public: this machine, a private network. Default `false`. */
  readonly allowPrivate?: boolean;
  /** Default 10 000. */
  readonly timeoutMs?: number;
}

/**
 * POSTs the alert as JSON. The header `Amends-Signature: t=<seconds>,v1=<hex>` signs it: HMAC-SHA256 of `<seconds>.<body>` with the secret.
 * `Amends-Delivery` is the same on every try.
 */
export interface WebhookChannel extends HttpChannel {
  readonly kind: 'webhook';
  /** At least 16 characters. */
  readonly secret: string;
}

/** POSTs `{ "text": … }`, as Slack, Mattermost, Rocket.Chat and others take it. */
export interface SlackChannel extends HttpChannel {
  readonly kind: 'slack';
}

/** Sends an e-mail through nodemailer, within 10 s. */
export interface EmailChannel extends Named {
  readonly kind: 'email';
  /** `smtps://user:password@mail.example.com`, or the options of nodemailer's SMTP transport. */
  readonly smtp: string | Readonly<Record<string, unknown>>;
  readonly from: string;
  readonly to: string | readonly string[];
}

/** Calls a function of a worker. It is called again when it throws, or has not ended after 10 s. */
export interface CallbackChannel extends Named {
  readonly kind: 'callback';
  readonly call: (alert: Alert) => unknown;
}

export type AlertChannel = WebhookChannel | SlackChannel | EmailChannel | CallbackChannel;

/** One try to deliver an alert. */
interface Sending {
  /** The same on every try. */
  readonly id: string;
  /** By the store's clock: a receiver takes what a machine with a wrong one has signed for a replay. */
  readonly atMs: number;
}

/**
 * A channel that is ready. `send` throws when it did not work; an {@link AmendsError} NOT_ALLOWED says that it hardly ever will, and with
 * `isFinal` in its details that it never will.
 */
export interface ReadyChannel {
  readonly name: string;
  send(alert: Alert, sending: Sending): Promise<void>;
}

const SHORTEST_SECRET = 16;
const TIMEOUT_MS = 10_000;

function refuse(name: string, problem: string): never {
  throw new AmendsError('INVALID_OPTION', `alerts: channel "${name}": ${problem}`);
}

function urlOf(name: string, text: unknown): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === '')
    return url;
  // It may be a secret: not quoted.
  return refuse(name, 'its url must be one of http:// or https://, without user and password');
}

/** What is in a header or a subject must not begin another one; and whoever writes it is not always ours. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 500);
}

/** What does not end by itself must not stand in the way of what comes after it. */
async function inTime(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new AmendsError('OUTCOME_TIMEOUT', `no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function postTo(
  name: string,
  { url, allowPrivate = false, timeoutMs = TIMEOUT_MS }: HttpChannel,
  body: string,
  headers: Readonly<Record<string, string>>,
) {
  const status = await post({ url: urlOf(name, url), body, headers, allowPrivate, timeoutMs });
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400)
    throw new AmendsError('NOT_ALLOWED', `it redirects (${status}), which is not followed: give the url it leads to`);
  throw new Error(`it answered ${status}`);
}

function checkHttp(name: string, { url, timeoutMs }: HttpChannel): void {
  urlOf(name, url);
  if (timeoutMs !== undefined && (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1)) {
    refuse(name, `timeoutMs is ${String(timeoutMs)}: give a whole number from 1`);
  }
}

function webhook(name: string, channel: WebhookChannel): ReadyChannel {
  checkHttp(name, channel);
  const { secret } = channel;
  if (typeof secret !== 'string' || secret.length < SHORTEST_SECRET) {
    refuse(name, `its secret must be a text of at least ${SHORTEST_SECRET} characters: make one with openssl rand -hex 32`);
  }
  return {
    name,
    async send(alert, { id, atMs }) {
      const body = JSON.stringify(alert);
      const seconds = Math.floor(atMs / 1_000);
      const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
      await postTo(name, channel, body, { 'Amends-Signature': `t=${seconds},v1=${signature}`, 'Amends-Delivery': id });
    },
  };
}

function slack(name: string, channel: SlackChannel): ReadyChannel {
  checkHttp(name, channel);
  const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return {
    name,
    send(alert) {
      const lines = [oneLine(headlineOf(alert)), ...(alert.url === undefined ? [] : [alert.url])];
      return postTo(name, channel, JSON.stringify({ text: escape(lines.join('\n')) }), {});
    },
  };
}

function email(name: string, { smtp, from, to }: EmailChannel): ReadyChannel {
  if (typeof smtp !== 'string' && (typeof smtp !== 'object' || smtp === null))
    refuse(name, 'its smtp must be a URL or options of nodemailer');
  for (const address of [from, ...(typeof to === 'string' ? [to] : to)]) {
    if (typeof address !== 'string' || !address.includes('@') || /\p{Cc}/u.test(address))
      refuse(name, 'from and to must be e-mail addresses');
  }
  return {
    name,
    async send(alert, { id }) {
      const { createTransport } = await import('nodemailer');
      const transport = createTransport(smtp as string);
      try {
        const { kind, rule, subject, transaction, saga, step, sinceMs } = alert;
        const facts = { rule, kind, subject, saga, step, transaction, since: new Date(sinceMs).toISOString() };
        const lines = Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${oneLine(value)}`]));
        const mail = {
          from,
          to: typeof to === 'string' ? to : [...to],
          subject: oneLine(headlineOf(alert)).slice(0, 200),
          text: [oneLine(alert.text), ...(alert.url === undefined ? [] : [alert.url]), '', ...lines].join('\n'),
          messageId: `<${id}@amends.invalid>`,
        };
        await inTime(transport.sendMail(mail));
      } finally {
        transport.close();
      }
    },
  };
}

function ready(name: string, channel: AlertChannel): ReadyChannel {
  switch (channel.kind) {
    case 'webhook':
      return webhook(name, channel);
    case 'slack':
      return slack(name, channel);
    case 'email':
      return email(name, channel);
    case 'callback': {
      const { call } = channel;
      if (typeof call !== 'function') refuse(name, 'its call must be a function');
      return {
        name,
        async send(alert) {
          await inTime(Promise.resolve(call(alert)));
        },
      };
    }
    default:
      return refuse(
        name,
        `there is no kind ${JSON.stringify((channel as { kind?: unknown }).kind)}: give webhook, slack, email or callback`,
      );
  }
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveChannels(channels: readonly AlertChannel[]): readonly ReadyChannel[] {
  if (!Array.isArray(channels) || channels.length === 0) throw new AmendsError('INVALID_OPTION', 'alerts: give channels, at least one');
  const resolved = (channels as readonly AlertChannel[]).map((channel) => {
    const name = channel.name ?? channel.kind;
    if (typeof name !== 'string' || !/^[\w-]{1,40}$/.test(name))
      refuse(String(name).slice(0, 40), 'its name must be of letters, digits, _ and -');
    return ready(name, channel);
  });
  const twice = resolved.find(({ name }, place) => resolved.findIndex((other) => other.name === name) !== place);
  if (twice !== undefined) refuse(twice.name, 'two have this name: give each a name of its own');
  return resolved;
}
