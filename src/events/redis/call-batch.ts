import { storeError, type RedisScript } from './script.ts';

/** One caller's part of a script call. */
export interface BatchedCall {
  /** Short ones. */
  readonly args: readonly (string | number)[];
  /** Long ones, which go as they are. */
  readonly texts: readonly string[];
}

/** The part of a script that takes such a batch apart: `each_call(call)` is what the script returns, `call` gets the list of the arguments. */
export const BATCH: URL = new URL('./batch.lua', import.meta.url);

/** A batch of large payloads goes out earlier. */
const MOST_CHARACTERS = 256 * 1024;

interface Waiting {
  readonly read: (reply: unknown) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

function answer({ read, resolve, reject }: Waiting, reply: unknown): void {
  if (Array.isArray(reply) && reply[0] === 'error') return reject(storeError(new Error(String(reply[1]))));
  try {
    resolve(read(reply));
  } catch (error) {
    reject(error);
  }
}

/** As JSON. What is no text of Unicode, half of a pair, becomes U+FFFD, as in anything that is sent: the script's reader refuses it. */
function written({ args, texts }: BatchedCall): string {
  let json = JSON.stringify(args);
  if (json.includes('\\ud')) json = JSON.stringify(args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg).toString() : arg)));
  return `[${texts.length},${json.slice(1)}`;
}

/**
 * Calls a script for all callers of one turn of the event loop at once. Where many are at work, their answers come together, and so do the
 * calls that follow from them: the call, not the writing, is what a small write costs both sides. And of a call it is the arguments, one by one,
 * that cost the client: so there is one for all that is short.
 */
export class CallBatch {
  readonly #script: RedisScript;
  readonly #root: string;
  readonly #most: number;
  #waiting: Waiting[] = [];
  #args = '';
  #texts: string[] = [];
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

  /**
   * What the script answers to this call; throws what went wrong with it alone.
   *
   * @param read Makes of the answer what the caller wants.
   */
  call<T>(call: BatchedCall, read: (reply: unknown) => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const json = written(call);
      if (this.#waiting.length === 0) process.nextTick(() => this.#send());
      this.#waiting.push({ read, resolve: resolve as (value: unknown) => void, reject });
      this.#args += this.#args === '' ? json : `,${json}`;
      for (const text of call.texts) {
        this.#texts.push(text);
        this.#characters += text.length;
      }
      if (this.#waiting.length >= this.#most || this.#characters >= MOST_CHARACTERS) this.#send();
    });
  }

  #send(): void {
    const sent = this.#waiting;
    if (sent.length === 0) return;
    this.#waiting = [];
    const [args, texts] = [`[${this.#args}]`, this.#texts];
    this.#args = '';
    this.#texts = [];
    this.#characters = 0;
    this.#script(this.#root, args, ...texts).then(
      (replies) => {
        for (let place = 0; place < sent.length; place++) answer(sent[place]!, (replies as readonly unknown[])[place]);
      },
      (error: unknown) => {
        for (const { reject } of sent) reject(error);
      },
    );
  }
}
