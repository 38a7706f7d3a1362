import type { Action } from '../../api/action-names.ts';

interface ActionText {
  readonly title: string;
  /** What it does, to somebody who has never done it. */
  readonly effect: string;
  /** It can leave something behind. */
  readonly danger: boolean;
}

export const ACTION_TEXTS: Readonly<Record<Action, ActionText>> = {
  retry: {
    title: 'Retry',
    effect: 'Tries again what it is stuck on, with new attempts and the same idempotency key.',
    danger: false,
  },
  skip: {
    title: 'Give up the step',
    effect: 'What can’t be undone or confirmed is given up: its effect stays, the rest goes on, and it ends as terminated.',
    danger: true,
  },
  mark_undone: {
    title: 'Mark undone by hand',
    effect: 'For when you have undone it yourself. Nothing is run; the history says that you did it, and the rest goes on.',
    danger: true,
  },
  cancel: {
    title: 'Cancel',
    effect: 'Turns it back: what was done is undone in reverse order. Past its pivot it can’t be cancelled.',
    danger: true,
  },
  terminate: {
    title: 'Terminate',
    effect: 'Ends it at once. Nothing more is undone: what stands stays behind, and is listed.',
    danger: true,
  },
  pause: { title: 'Pause', effect: 'Nothing new is begun until it is resumed. What is under way settles.', danger: false },
  resume: { title: 'Resume', effect: 'Goes on where it was paused.', danger: false },
  signal: { title: 'Send signal', effect: 'Gives it the signal that it waits for, or will wait for.', danger: false },
  confirm: { title: 'Confirm', effect: 'Everything is held: decides to confirm it all. This can’t be taken back.', danger: false },
};
