import { hostname, userInfo } from 'node:os';

/** Who acts from this process, for the history. */
export function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // a container may run under a user id that has no name
  }
}
