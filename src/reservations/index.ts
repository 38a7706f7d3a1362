export { reservations, type Reservations, type ReservationsOptions, type Transact } from './reservations.ts';
export { installReservations } from './tables.ts';
export { pgliteTransactions, pgTransactions } from './transactions.ts';
