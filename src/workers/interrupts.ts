/** Whoever can be interrupted at the moment. */
export interface InterruptListener {
  onCancelled(reason: Error): void;
  onGivenUp(): void;
}

/**
 * What can stop an operation in work from outside: its transaction has turned back, or its worker goes down and can't wait for it. Callbacks
 * and not signals: making and leaving an AbortSignal costs more than all else an attempt does here.
 */
export class Interrupts {
  /** The one whose turn interrupts it; `undefined`: none does. */
  readonly transaction: string | undefined;
  #cancelled: Error | undefined;
  #givenUp = false;
  #listener: InterruptListener | undefined;

  constructor(transaction?: string) {
    this.transaction = transaction;
  }

  get givenUp(): boolean {
    return this.#givenUp;
  }

  cancel(reason: Error): void {
    this.#cancelled ??= reason;
    this.#listener?.onCancelled(reason);
  }

  giveUp(): void {
    this.#givenUp = true;
    this.#listener?.onGivenUp();
  }

  /** Attempts of one operation follow each other: one listens at a time. It is told at once of a cancel that came before. */
  listen(listener: InterruptListener): void {
    this.#listener = listener;
    if (this.#cancelled !== undefined) listener.onCancelled(this.#cancelled);
  }

  /** Nobody listens any longer. */
  leave(listener: InterruptListener): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}

/** An AbortSignal that is made when somebody asks for it: many actions never do. */
export class LazySignal {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
