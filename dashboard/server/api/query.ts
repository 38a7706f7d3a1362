/** The parameters of a request as they are: one that is repeated is a list, whatever parser the app around us has. */
export function queryOf(originalUrl: string): Record<string, string | string[]> {
  const found = new Map<string, string | string[]>();
  const start = originalUrl.indexOf('?');
  for (const [name, value] of new URLSearchParams(start === -1 ? '' : originalUrl.slice(start + 1))) {
    const before = found.get(name);
    found.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(found);
}
