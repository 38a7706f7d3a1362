import type { BarrierDialect } from './dialect.ts';
import type { BarrierExecutor } from './executor.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';

export function dialectOf({ dialect }: BarrierExecutor): BarrierDialect {
  return dialect === 'mysql' ? mysql : postgres;
}
