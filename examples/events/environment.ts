// Where the processes of the example meet: AMENDS_URL, and SHOP_NAMESPACE to keep several runs of it apart.
export const namespace: string = process.env['SHOP_NAMESPACE'] || 'amends';
export const onRedis: boolean = (process.env['AMENDS_URL'] ?? '').startsWith('redis');
