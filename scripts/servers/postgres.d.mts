import type { StartedServer } from './redis.mjs';

export function findPostgres(): Promise<string | undefined>;
export function startPostgres(bin: string, settings?: Readonly<Record<string, string>>): Promise<StartedServer>;
