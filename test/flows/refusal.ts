import { expect } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';

/** For `toThrow`: an error of Amends with this code and this message, whole or as a pattern. */
export function refusal(message: string | RegExp, code: ErrorCode = 'INVALID_DEFINITION'): unknown {
  return expect.objectContaining({ code, message: typeof message === 'string' ? message : expect.stringMatching(message) });
}
