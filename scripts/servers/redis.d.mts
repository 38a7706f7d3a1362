export interface StartedServer {
  readonly url: string;
  readonly from: string;
  stop(): Promise<unknown>;
}

export function findRedis(): Promise<string | undefined>;
export function startRedis(binary: string): Promise<StartedServer>;
