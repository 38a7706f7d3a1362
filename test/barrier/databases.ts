import { MariadbParticipant } from './mariadb-participant.ts';
import { PostgresParticipant } from './postgres-participant.ts';

/** Where what the barrier promises has to hold. */
export const DATABASES = [
  ['PostgreSQL', PostgresParticipant],
  ['MariaDB', MariadbParticipant],
] as const;
