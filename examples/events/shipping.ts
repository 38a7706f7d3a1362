// Ships what was paid: node dist/examples/events/shipping.js
// A process of its own. Kill it, start it again, start two: each paid order is shipped once.
import { once } from 'node:events';
import { connect } from 'amends';
import { namespace } from './environment.ts';
import { orders } from './orders.ts';
import { shippingSaga } from './shipping-saga.ts';

await using amends = await connect(undefined, { namespace });
const { events } = amends;
const shipping = shippingSaga(events);

await amends.worker({ sagas: [shipping] }).run();
await events.react('shipping', { events: [orders], from: 'start', partitions: 4 }, async (event, { id }) => {
  if (event.type !== 'paid') return;
  const { state } = await events.load(orders, event.aggregateId);
  // The id follows from the event: however often it is delivered, one saga is started.
  await amends.start(shipping, { orderId: event.aggregateId, country: state.country }, { id: id(), tags: { order: event.aggregateId } });
});
console.log('shipping what is paid; Ctrl-C ends it');
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
