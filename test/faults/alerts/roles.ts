import { pino } from 'pino';
import { connect, type Amends } from '../../../src/amends.ts';
import { implement } from '../../../src/flows/implement.ts';
import type { AlertOptions } from '../../../src/telemetry/alerts/options.ts';
import { SECRET } from '../../telemetry/sink.ts';
import { courier, hangs, killedInWork, SERVED, UNSERVED } from './broken.ts';
import { ORDINARY, placed } from './ordinary.ts';

/** Where queue and journal are. */
export interface Place {
  readonly url: string;
  readonly journal?: string;
  /** Of the embedded store. */
  readonly folder?: string;
  readonly namespace: string;
}

/** `watcher`: serves what is served, and looks for what people should know. `courier`: the only one of its service. `reader`: follows a stream. */
export type Role = 'watcher' | 'courier' | 'reader';

export interface Part {
  readonly role: Role;
  readonly place: Place;
  readonly alertUrl: string;
  /** With everything shortened; else nothing is set but where alerts go. */
  readonly quick: boolean;
}

const QUICK_RULES = { everyMs: 200, rules: { noWorker: { afterMs: 1_000 }, lag: { afterMs: 1_000 } } };
const QUICK_WORKER = { lockMs: 2_000, stallCheckMs: 1_000, sweepEveryMs: 500, overdueAfterMs: 1_500 };

/** In the environment of a process, as JSON. */
export const PART_VARIABLE = 'AMENDS_ALERT_PART';
/** What a process says to the runner. */
export type Word = 'ready' | 'begun';

export function open({ url, ...rest }: Place): Promise<Amends> {
  const logger = pino({ level: process.env['AMENDS_LOG_LEVEL'] ?? 'error' }, pino.destination({ dest: 2, sync: true }));
  return connect(url, { logger, ...rest });
}

/** Begins what this part does. Gives what ends it. */
export async function play(amends: Amends, { role, alertUrl, quick }: Part, say: (word: Word) => void): Promise<() => Promise<void>> {
  const alerts: AlertOptions = {
    channels: [{ kind: 'webhook', url: alertUrl, secret: SECRET, allowPrivate: true }],
    ...(quick ? QUICK_RULES : {}),
  };
  const options = { alerts, ...(quick ? QUICK_WORKER : {}) };
  if (role === 'reader') {
    const reader = await amends.events.subscribe('reader', { events: [placed], from: 'start' }, () => undefined);
    return () => reader.close();
  }
  const run = (): Promise<never> => {
    say('begun');
    return hangs();
  };
  const worker =
    role === 'watcher'
      ? amends.worker({ sagas: [...SERVED, ...UNSERVED, ...ORDINARY], ...options })
      : amends.worker({ sagas: [killedInWork], implementations: [implement(courier, { run })], ...options });
  await worker.run();
  return () => worker.close();
}
