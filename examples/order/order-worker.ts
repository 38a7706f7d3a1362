// All three services in one process: amends worker dist/examples/order/order-worker.js
import { orderSaga } from './contracts.ts';
import { locationFrom, serviceOptionsFrom } from './environment.ts';
import { openOrderServices } from './services.ts';

export const sagas = [orderSaga];

const services = await openOrderServices(locationFrom(process.env), serviceOptionsFrom(process.env));
export const { implementations } = services;
export const close = (): Promise<void> => services.close();
