import { SingleBar } from 'cli-progress';
import type { StartTotals } from './start-lines.ts';

export interface Progress {
  update(totals: StartTotals, bytes: number): void;
  /** A line on stderr that the bar does not run into. */
  tell(line: string): Promise<void>;
  stop(): void;
}

const CLEAR_LINE = '\r\u001b[K';

/** A bar over the bytes of a file on stderr, when that is a terminal; without a size a count. */
export function showProgress(totalBytes: number | undefined): Progress {
  const bar = process.stderr.isTTY
    ? new SingleBar({
        stream: process.stderr,
        format: `${totalBytes === undefined ? '' : '{bar} {percentage}% '}{counts}`,
        clearOnComplete: true,
        emptyOnZero: true,
        gracefulExit: false, // signals are ours
      })
    : undefined;
  let reached = 0;
  bar?.start(totalBytes ?? 0, 0, { counts: '' });
  return {
    update({ started, rejected, completed, compensated, confirmed = 0, cancelled = 0, stuck }, bytes) {
      const ended = completed + compensated + confirmed + cancelled + stuck;
      const counts = `${started} started, ${rejected} rejected${ended === 0 ? '' : `, ${ended} ended`}`;
      reached = Math.max(reached, bytes); // lines don't end in their order
      bar?.update(totalBytes === undefined ? 0 : Math.min(reached, totalBytes), { counts });
    },
    async tell(line) {
      process.stderr.write(`${bar === undefined ? '' : CLEAR_LINE}${line}\n`);
    },
    stop: () => bar?.stop(),
  };
}
