/** The operations in the words of their kind of transaction. */
const WORDS = {
  saga: { run: 'run', compensate: 'undo', confirm: 'confirm', renew: 'renew' },
  tcc: { run: 'try', compensate: 'cancel', confirm: 'confirm', renew: 'renew' },
} as const;

export type Operation = keyof (typeof WORDS)['saga'];

/** `undo`, or `cancel` for a TCC. */
export function operationWord(kind: 'saga' | 'tcc', op: Operation): string {
  return WORDS[kind][op];
}

const DOING = {
  saga: { run: 'Running', compensate: 'Undoing', confirm: 'Confirming', renew: 'Renewing' },
  tcc: { run: 'Trying', compensate: 'Cancelling', confirm: 'Confirming', renew: 'Renewing' },
} as const;

/** `Undoing`, or `Cancelling` for a TCC. */
export function doingWord(kind: 'saga' | 'tcc', op: Operation): string {
  return DOING[kind][op];
}

/** `1 step`, `2 steps`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** `a, b and c`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}
