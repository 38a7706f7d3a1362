import { afterAll } from 'vitest';
import { eventually } from './eventually.ts';

function count(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** What keeps this process alive now and did not when the file began: `TCPSocketWrap x2` and the like. */
function leaked(before: ReadonlyMap<string, number>): string[] {
  return [...count(process.getActiveResourcesInfo())]
    .map(([kind, now]) => ({ kind, more: now - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${kind} x${more}`);
}

// Each test file has a process of its own, and this runs in it first: its hook is the last one to run.
const before = count(process.getActiveResourcesInfo());

afterAll(async () => {
  // Sockets and processes take a moment to close, idle HTTP connections up to 5 s.
  await eventually(
    () => {
      const kinds = leaked(before);
      if (kinds.length === 0) return;
      throw new Error(
        `left open when the file had ended: ${kinds.join(', ')}. Close every connection, server, timer and process that it opens`,
      );
    },
    { timeoutMs: 8000 },
  );
});
