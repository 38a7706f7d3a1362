import type { AnySaga } from './saga.ts';
import type { AnyTcc } from './tcc.ts';

/** What can be started and worked on: a saga or a TCC. */
export type AnyDefinition = AnySaga | AnyTcc;
