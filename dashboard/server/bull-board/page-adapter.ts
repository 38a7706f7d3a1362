import { ExpressAdapter } from '@bull-board/express';
import type { AppViewRoute } from '@bull-board/api/typings/app';
import type { Express, Request, Response } from 'express';

/** Nothing is loaded from elsewhere: the policy of the page forbids it, and whoever looks at a queue need not tell a font server. */
const FOREIGN_STYLESHEETS = /<link[^>]+href="https?:\/\/[^>]*>/g;

/** Bull Board under whatever path it is mounted. The plain adapter must be told one path beforehand. */
export class PageAdapter extends ExpressAdapter {
  constructor() {
    super();
    this.app.disable('x-powered-by');
  }

  override setEntryRoute(entry: AppViewRoute): this {
    this.app.get(entry.route, (request: Request, response: Response, next) => {
      const { name, params } = entry.handler({ basePath: request.baseUrl, uiConfig: this.uiConfig });
      response.render(name, params, (error: Error | null, html?: string) => {
        if (error !== null) next(error);
        else response.set('Cache-Control', 'no-store').send((html ?? '').replace(FOREIGN_STYLESHEETS, ''));
      });
    });
    return this;
  }

  handler(): Express {
    return this.app;
  }
}
