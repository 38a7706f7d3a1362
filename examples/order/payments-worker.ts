// The payments service in a process of its own: amends worker dist/examples/order/payments-worker.js
import { orderSaga } from './contracts.ts';
import { serviceFromEnvironment } from './environment.ts';

// A worker adds the job that comes after its step, so it knows the saga too.
export const sagas = [orderSaga];
export const { implementations, close } = await serviceFromEnvironment('payments');
