// The bank in a process of its own: amends worker dist/examples/checkout/bank-worker.js
import { checkout } from './contracts.ts';
import { bankService } from './services.ts';

const service = await bankService();
export const sagas = [checkout];
export const implementations = [service.books.implementation];
export const close = (): Promise<void> => service.close();
