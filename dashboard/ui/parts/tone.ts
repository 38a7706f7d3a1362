/** The families of what can be said about something; each has a colour in styles/tokens.css. */
export type Tone = 'good' | 'busy' | 'wait' | 'hold' | 'undo' | 'bad' | 'done';

/** How a status looks. The same shape is never used for two things that differ. */
export interface Look {
  readonly tone: Tone;
  readonly shape: Shape;
  readonly word: string;
}

export type Shape =
  | 'forward'
  | 'clock'
  | 'bars'
  | 'check'
  | 'checking'
  | 'back'
  | 'undone'
  | 'octagon'
  | 'square'
  | 'cross'
  | 'dash'
  | 'dot'
  | 'hand'
  | 'question';
