import type { Redis } from 'ioredis';

/**
 * So many commands at most leave in one system call. More of them would save more of this process's time, but the server would stand idle
 * until they come, and this process until it has answered.
 */
const MOST_TOGETHER = 8;

/**
 * Commands that are given in one turn of the event loop leave together. Where many transactions are in work, their answers come together, and
 * so do the commands that follow from them: sending each by itself costs both sides more than the command.
 */
export function shareWrites(redis: Redis): void {
  redis.on('connect', () => {
    const socket = redis.stream;
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    let corked = 0;
    const send = (): void => {
      if (corked === 0) return;
      corked = 0;
      socket.uncork();
    };
    socket.write = (...args: unknown[]): boolean => {
      if (corked++ === 0) {
        socket.cork();
        process.nextTick(send);
      }
      const accepted = write(...args);
      if (corked >= MOST_TOGETHER) send();
      return accepted;
    };
  });
}
