// The inventory service in a process of its own: amends worker dist/examples/checkout/inventory-worker.js
import { checkout } from './contracts.ts';
import { inventoryService } from './services.ts';

const service = await inventoryService();
// A worker decides what comes after its part, so it knows the TCC too.
export const sagas = [checkout];
export const implementations = [service.books.implementation];
export const close = (): Promise<void> => service.close();
