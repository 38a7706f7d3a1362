/**
 * What `find` finds of a store: on this machine, or when it has been installed.
 *
 * @throws {Error} which says how to install it
 */
export function found<T>(store: 'redis' | 'postgres', find: () => Promise<T | undefined>): Promise<T>;
