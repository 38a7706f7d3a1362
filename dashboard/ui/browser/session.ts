import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Session } from '../../api/session.ts';

/** Who uses the console and what they may do; `undefined` until it is known. */
export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session | undefined {
  return useContext(SessionContext);
}
