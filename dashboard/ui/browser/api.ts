import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { base } from './place.ts';

/** What the API refused, or why it could not be asked. The message says what to do. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

const UNREACHABLE =
  'The dashboard does not answer. Is its process running, and the network between here and there? This page tries again when it is back.';
const OTHER_ANSWERS: Readonly<Record<number, string>> = {
  401: 'You are not signed in any more. Load the page again to sign in.',
  429: 'Too many attempts from here. Wait a minute, then load the page again.',
  502: 'The proxy in front of the dashboard has no answer from it. Is the dashboard running?',
  503: 'The dashboard has no answer from its store. Its log says which connection fails.',
  504: 'The dashboard took too long. Its log says what it waits for.',
};

interface Refusal {
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
}

async function errorOf(response: Response): Promise<ApiError> {
  const { error } = (await response.json().catch(() => ({}))) as Refusal;
  const message = typeof error?.message === 'string' ? error.message : OTHER_ANSWERS[response.status];
  const code = typeof error?.code === 'string' ? error.code : `HTTP_${response.status}`;
  return new ApiError(
    response.status,
    code,
    message ?? `The dashboard answered ${response.status} ${response.statusText}. Its log says why.`,
  );
}

let token: { readonly header: string; readonly value: string } | null = null;

/** What every change must carry from now on. */
export function setChangeToken(given: typeof token): void {
  token = given;
}

export interface Asking {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * Asks the API below the mount point: reads, or posts when there is a body.
 *
 * @throws {ApiError}
 */
export async function ask<Answer>(path: string, { body, signal }: Asking = {}): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json', ...(token === null ? {} : { [token.header]: token.value }) };
  const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers };
  let response: Response;
  try {
    response = await fetch(`${base}api/v1/${path}`, { ...post, credentials: 'same-origin', ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(0, 'UNREACHABLE', UNREACHABLE);
  }
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as Answer;
}

export interface Loaded<Answer> {
  /** The last answer there was. */
  readonly data: Answer | undefined;
  /** The path that it was the answer for. */
  readonly of: string | undefined;
  readonly error: ApiError | undefined;
  readonly loading: boolean;
  /** Asks again, and shows the old answer until the new one is there. */
  readonly reload: () => void;
}

interface Known<Answer> {
  readonly path: string | undefined;
  readonly data: Answer | undefined;
  readonly of: string | undefined;
  readonly error: ApiError | undefined;
  readonly loading: boolean;
}

interface UnderWay {
  readonly path: string;
  readonly controller: AbortController;
  /** It was asked for again meanwhile. */
  again: boolean;
}

/** What the API says at a path (`undefined`: ask nothing). `keep`: at another path the old answer is shown until the new one comes. */
export function useLoaded<Answer>(path: string | undefined, { keep = false }: { readonly keep?: boolean } = {}): Loaded<Answer> {
  const [known, setKnown] = useState<Known<Answer>>({
    path,
    data: undefined,
    of: undefined,
    error: undefined,
    loading: path !== undefined,
  });
  const underWay = useRef<UnderWay | undefined>(undefined);
  const load = useCallback(
    (path: string): void => {
      // Not broken off for the same path: asked more often than it answers, a slow server would never be heard.
      if (underWay.current?.path === path) {
        underWay.current.again = true;
        return;
      }
      underWay.current?.controller.abort();
      const mine: UnderWay = { path, controller: new AbortController(), again: false };
      underWay.current = mine;
      setKnown((old) =>
        old.path === path || keep ? { ...old, loading: true } : { path, data: undefined, of: undefined, error: undefined, loading: true },
      );
      const settle = (next: (old: Known<Answer>) => Known<Answer>): void => {
        if (underWay.current !== mine) return;
        underWay.current = undefined;
        setKnown(next);
        if (mine.again) load(path);
      };
      ask<Answer>(path, { signal: mine.controller.signal }).then(
        (data) => settle(() => ({ path, data, of: path, error: undefined, loading: false })),
        (error: unknown) => settle((old) => ({ ...old, path, error: error as ApiError, loading: false })),
      );
    },
    [keep],
  );
  useEffect(() => {
    if (path !== undefined) load(path);
  }, [path, load]);
  useEffect(
    () => () => {
      underWay.current?.controller.abort();
      underWay.current = undefined;
    },
    [],
  );
  const reload = useCallback(() => {
    if (path !== undefined) load(path);
  }, [path, load]);
  const current = known.path === path || keep;
  return {
    data: current ? known.data : undefined,
    of: known.of,
    error: known.path === path ? known.error : undefined,
    loading: known.loading,
    reload,
  };
}
