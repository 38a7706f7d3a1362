import type { RequestHandler } from 'express';
import helmet from 'helmet';

function headers(directives: Record<string, readonly string[]>): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"], ...directives },
    },
    xFrameOptions: { action: 'deny' },
    // Whether this host has TLS is for who runs it to say: on plain HTTP it does nothing, on a shared domain it would bind its other services.
    strictTransportSecurity: false,
  });
}

/** For all that has no page of its own: nothing may be loaded, nothing may frame it. */
export const strictHeaders: RequestHandler = headers({});

/** The console: its own scripts, styles and answers, and nothing inline. */
export const consoleHeaders: RequestHandler = headers({
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
});

/** What Bull Board's pages need: their own scripts and its highlighter as a worker; styles are set inline by its components. */
export const bullBoardHeaders: RequestHandler = headers({
  baseUri: ["'self'"],
  scriptSrc: ["'self'"],
  scriptSrcAttr: ["'none'"],
  workerSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
});
