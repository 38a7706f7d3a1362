// Takes orders and payments: node dist/examples/events/shop.js [number of orders]
// It only says what happened. Who does something about it, the shop does not know.
import { connectEvents } from 'amends/events';
import { namespace } from './environment.ts';
import { orders } from './orders.ts';

const count = Number(process.argv[2] ?? 10);
await using connection = await connectEvents(undefined, { namespace });
const { events } = connection;

for (let n = 1; n <= count; n++) {
  const id = `order-${n}`;
  const country = n % 5 === 0 ? 'Atlantis' : 'France';
  // Ids that follow from the order: to run it again is harmless.
  await events.append(orders, id, [{ type: 'placed', data: { country, cents: 100 * n }, eventId: `${id}/placed` }], {
    expectedVersion: 'none',
  });
  await events.append(orders, id, [{ type: 'paid', data: { by: 'card' }, eventId: `${id}/paid` }], { expectedVersion: 1 });
}
console.log(`${count} orders placed and paid`);
