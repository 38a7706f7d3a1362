// A shop day with both services in this process: node dist/examples/checkout/run.js
import { randomUUID } from 'node:crypto';
import { connect } from 'amends';
import { checkout, type Cart } from './contracts.ts';
import { bankService, inventoryService } from './services.ts';

const [inventory, bank] = [await inventoryService(), await bankService()];
const amends = await connect(undefined, { namespace: process.env['CHECKOUT_NAMESPACE'] || 'amends' });
try {
  await amends.worker({ sagas: [checkout], implementations: [inventory.books.implementation, bank.books.implementation] }).run();

  // Names of this run: it may be run again.
  const run = randomUUID().slice(0, 8);
  const sku = `teapot-${run}`;
  const cart = (name: string, pieces: number): Cart => ({ customer: `${name}-${run}`, sku, pieces, centsEach: 1_000 });
  const shown = async (what: string): Promise<void> => console.log(`${what}: ${await inventory.books.available(sku)} teapots can be sold`);

  await inventory.books.provide(sku, 5);
  for (const name of ['ann', 'ben', 'cid']) await bank.books.provide(`${name}-${run}`, 5_000);
  await shown('in the morning');

  // Ann's checkout holds everything and waits: nobody else can have it meanwhile, and nothing is sold yet.
  const ann = await amends.start(checkout, cart('ann', 5), { awaitsVerdict: true });
  await ann.held();
  await shown('while ann thinks about it');
  const ben = await (await amends.start(checkout, cart('ben', 1))).outcome();
  console.log(`ben: ${ben.status}${ben.status === 'cancelled' ? `, ${ben.reason.message}` : ''}`);
  await ann.cancel({ reason: 'ann has left the shop', by: 'shop' });
  console.log(`ann: ${(await ann.outcome()).status}`);
  await shown('when ann has left');

  // What one service can't hold, the other gives back.
  const poor = await (await amends.start(checkout, { ...cart('dan', 2), customer: `nobody-${run}` })).outcome();
  console.log(`somebody without credit: ${poor.status}`);
  await shown('and then');

  // Ten buyers of the last five.
  const buyers = Array.from({ length: 10 }, async (_, number) => {
    await bank.books.provide(`buyer${number}-${run}`, 1_000);
    return (await (await amends.start(checkout, cart(`buyer${number}`, 1))).outcome()).status;
  });
  const statuses = await Promise.all(buyers);
  const confirmed = statuses.filter((status) => status === 'confirmed').length;
  console.log(
    `ten buyers of the last five: ${confirmed} confirmed, ${statuses.filter((status) => status === 'cancelled').length} cancelled`,
  );
  await shown('in the evening');
  const money = await Promise.all(Array.from({ length: 10 }, (_, number) => bank.books.available(`buyer${number}-${run}`)));
  const paid = money.filter((cents) => cents === 0).length;
  console.log(`${paid} buyers have paid: ${paid === confirmed ? 'the books agree' : 'THE BOOKS DO NOT AGREE'}`);
  if (paid !== confirmed) process.exitCode = 1;
} finally {
  await amends.close();
  await Promise.all([inventory.close(), bank.close()]);
}
