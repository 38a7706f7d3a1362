/** An error that answers with 403. */
export function forbidden(message: string): Error {
  return Object.assign(new Error(message), { status: 403 });
}
