import type { RedisScript } from '../../events/redis/script.ts';
import { storeError } from '../../events/redis/script.ts';

type Arguments = readonly (string | number)[];

/** Longest batch: while its script runs, at some 20 µs a commit, Redis serves nobody else. */
const MOST_COMMITS = 16;
/** A batch of large payloads goes out earlier. */
const MOST_CHARACTERS = 256 * 1024;

interface Waiting {
  readonly args: Arguments;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends the commits of one turn of the event loop in one call. Where many transactions are in work, their steps end together: the call, not the
 * writing, is what a commit costs both sides.
 */
export class CommitBatch {
  readonly #script: RedisScript;
  readonly #root: string;
  #waiting: Waiting[] = [];
  #characters = 0;

  /** `script` is commit.lua. */
  constructor(script: RedisScript, root: string) {
    this.#script = script;
    this.#root = root;
  }

  /** Gives what commit.lua answers to this commit. */
  commit(args: Arguments): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) process.nextTick(() => this.#send());
      this.#waiting.push({ args, resolve, reject });
      for (const arg of args) this.#characters += typeof arg === 'string' ? arg.length : 8;
      if (this.#waiting.length >= MOST_COMMITS || this.#characters >= MOST_CHARACTERS) this.#send();
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
          if (Array.isArray(reply) && typeof reply[0] === 'string') reject(storeError(new Error(reply[0])));
          else resolve(reply);
        }
      },
      (error: unknown) => {
        for (const { reject } of sent) reject(error);
      },
    );
  }
}
