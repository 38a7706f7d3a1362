/**
 * Does `work` for each item, for at most `limit` of them at the same time. An item is asked for only when there is room for it, so a source
 * of any length needs little memory. After an error nothing more is taken; what is in flight ends, then the first error is thrown.
 */
export async function eachInFlight<T>(
  source: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let inFlight = 0;
  let failure: { readonly error: unknown } | undefined;
  // Not Promise.race over what is in flight: one that takes for ever would keep a reaction for every item that passes it.
  let wake: () => void = () => undefined;
  const begin = async (item: T): Promise<void> => {
    inFlight++;
    try {
      await work(item);
    } catch (error) {
      failure ??= { error };
    } finally {
      inFlight--;
      wake();
    }
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
  };
  try {
    for await (const item of source) {
      void begin(item);
      await until(() => inFlight < limit || failure !== undefined);
      if (failure !== undefined) break;
    }
  } finally {
    await until(() => inFlight === 0);
  }
  if (failure !== undefined) throw failure.error;
}
