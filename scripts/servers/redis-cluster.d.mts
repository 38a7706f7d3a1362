import type { Redis } from 'ioredis';
import type { StartedServer } from './redis.mjs';

export interface ClusterNode {
  readonly port: number;
  /** Ends its process without a word to it. */
  kill(): Promise<void>;
  /** Starts it again on what it has stored. */
  start(): Promise<void>;
  /** Asks this node itself, over a connection of its own. */
  ask<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
}

export interface StartedCluster extends StartedServer {
  /** The masters first, then their replicas in the same order. */
  readonly nodes: readonly ClusterNode[];
}

export interface ClusterOptions {
  /** Default 3. */
  readonly masters?: number;
  /** Of each master. Default 0. */
  readonly replicas?: number;
  /** A node that does not answer for so long is taken for dead. Default 2 000. */
  readonly nodeTimeoutMs?: number;
  readonly password?: string;
  /** Default `everysec`. */
  readonly fsync?: 'always' | 'everysec' | 'no';
}

export function startRedisCluster(binary: string, options?: ClusterOptions): Promise<StartedCluster>;
