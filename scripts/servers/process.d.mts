/** Its output, standard error included; rejects with it when the command fails. */
export function run(command: string, args: readonly string[]): Promise<string>;
export function works(command: string, args: readonly string[]): Promise<boolean>;
