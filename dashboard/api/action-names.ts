import * as z from 'zod';

/**
 * What a person can do to a transaction. `retry`: tries again what it is stuck on, an undo too. `skip`: gives up a stuck undo or confirm, whose
 * effect stays. `mark_undone`: a person has undone it by hand.
 */
export const ACTIONS = ['retry', 'skip', 'mark_undone', 'cancel', 'terminate', 'pause', 'resume', 'signal', 'confirm'] as const;
export const action = z.enum(ACTIONS).meta({ id: 'Action' });
export type Action = z.infer<typeof action>;

/** Those that need no data of their own, so that they can be done to many. `skip` and `mark_undone`: of each all that is stuck so. */
export const BULK_ACTIONS = ['retry', 'skip', 'mark_undone', 'cancel', 'terminate', 'pause', 'resume'] as const;
export const bulkAction = z.enum(BULK_ACTIONS).meta({ id: 'BulkAction' });
export type BulkAction = z.infer<typeof bulkAction>;
