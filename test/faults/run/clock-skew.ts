// Loaded before a worker (`--import`): its clock is off by AMENDS_CLOCK_SKEW_MS, timers and the monotonic clock are not.
const skewMs = Number(process.env['AMENDS_CLOCK_SKEW_MS'] ?? 0);
const RealDate = Date;

class SkewedDate extends RealDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(RealDate.now() + skewMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + skewMs;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
