import { storeError, type RedisScript } from './script.ts';

type Arguments = readonly (string | number)[];

/** The part of a script that takes such a batch apart: `each_call(call)` is what the script returns. */
export const BATCH: URL = new URL('./batch.lua', import.meta.url);

/** A batch of large payloads goes out earlier. */
const MOST_CHARACTERS = 256 * 1024;

interface Waiting {
  readonly args: Arguments;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Calls a script for all callers of one turn of the event loop at once. Where many are at work, their answers come together, and so do the
 * calls that follow from them: the call, not the writing, is what a small write costs both sides.
 */
export class CallBatch {
  readonly #script: RedisScript;
  readonly #root: string;
  readonly #most: number;
  #waiting: Waiting[] = [];
  #characters = 0;

  /**
   * `script` is made with {@link BATCH}. It is sent when it carries `most` calls: while it runs, at some 20 µs a call, Redis serves nobody else,
   * and while a batch is filled Redis may have nothing to do.
   */
  constructor(script: RedisScript, root: string, most: number) {
    this.#script = script;
    this.#root = root;
    this.#most = most;
  }

  /** What the script answers to this call; throws what went wrong with it alone. */
  call(args: Arguments): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) process.nextTick(() => this.#send());
      this.#waiting.push({ args, resolve, reject });
      for (const arg of args) this.#characters += typeof arg === 'string' ? arg.length : 8;
      if (this.#waiting.length >= this.#most || this.#characters >= MOST_CHARACTERS) this.#send();
    });
  }

  #send(): void {
    const sent = this.#waiting;
    if (sent.length === 0) return;
    this.#waiting = [];
    this.#characters = 0;
    const args: (string | number)[] = [];
    for (const { args: own } of sent) args.push(own.length, ...own);
    this.#script(this.#root, ...args).then(
      (replies) => {
        for (const [place, reply] of (replies as readonly unknown[]).entries()) {
          const { resolve, reject } = sent[place]!;
          if (Array.isArray(reply) && reply[0] === 'error') reject(storeError(new Error(String(reply[1]))));
          else resolve(reply);
        }
      },
      (error: unknown) => {
        for (const { reject } of sent) reject(error);
      },
    );
  }
}
