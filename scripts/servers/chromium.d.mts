/** Path of the Chromium that AMENDS_CHROMIUM names or that is on PATH, if any. */
export function findChromium(): Promise<string | undefined>;
