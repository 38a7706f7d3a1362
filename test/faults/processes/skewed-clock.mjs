// Loaded before a worker (`--import`): its clock is off by CLOCK_SKEW_MS, its timers are right.
const skewMs = Number(process.env.CLOCK_SKEW_MS);
const { now } = Date;
const skewed = () => now() + skewMs;

globalThis.Date = class extends Date {
  constructor(...given) {
    if (given.length === 0) super(skewed());
    else super(...given);
  }

  static now() {
    return skewed();
  }
};
