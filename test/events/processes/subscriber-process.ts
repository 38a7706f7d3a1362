import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SubscribeOptions } from '../../../src/events/subscription-options.ts';
import { eventually } from '../../support/eventually.ts';

const script = fileURLToPath(new URL('../../support/run-typescript.mjs', import.meta.url));
const subscriber = fileURLToPath(new URL('./subscriber.ts', import.meta.url));

export interface SubscriberSettings {
  readonly kind: 'redis' | 'postgres';
  readonly url: string;
  readonly namespace: string;
  readonly name: string;
  readonly options: SubscribeOptions;
  /** Kills itself in the handler of its n-th event, after the effect and before the checkpoint. */
  readonly dieAt?: number;
  /** Stops there, until it is told to go on. */
  readonly holdAt?: number;
}

/** A subscription in a process of its own. */
export class SubscriberProcess {
  readonly heard: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(settings: SubscriberSettings) {
    this.#child = fork(script, [subscriber, JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (what: string) => this.heard.push(what));
    this.ended = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  hear(what: string): Promise<void> {
    return eventually(
      () => {
        if (!this.heard.includes(what)) throw new Error(`it has not told "${what}", but ${this.heard.join(', ')}`);
      },
      { timeoutMs: 20_000 },
    );
  }

  goOn(): void {
    this.#child.send('go on');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
