// The module of a worker whose alerts lead to the console.
export { sagas } from '../cli/shop.mjs';

export const alerts = {
  consoleUrl: process.env.SHOP_CONSOLE,
  channels: [{ kind: 'webhook', url: process.env.SHOP_WEBHOOK, secret: process.env.SHOP_SECRET, allowPrivate: true }],
};
