import { json, type RequestHandler } from 'express';
import { refuse } from '../refusal.ts';

const LARGEST_BODY = '1mb';
const MOST_DEEP = 70;

/** How deep lists and objects stand in each other, told from the text: what is deeper would use up the stack of whoever looks into it. */
function depthOf(text: Buffer): number {
  const [quote, escape] = [0x22, 0x5c];
  let [depth, deepest, inText] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]!;
    if (inText) {
      if (byte === escape) i++;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

const parse = json({
  limit: LARGEST_BODY,
  strict: true,
  verify(_request, _response, text) {
    if (depthOf(text) > MOST_DEEP) throw Object.assign(new Error(`the body is nested deeper than ${MOST_DEEP} levels`), { status: 400 });
  },
});

/** The body of a change: JSON, of a bounded size and depth. A browser sends that from a foreign page only after asking us, which we refuse. */
export const jsonBody: RequestHandler = (request, response, next) => {
  if (!request.is('application/json')) refuse(response, 415, 'send the body as application/json, {} if there is nothing to say');
  else parse(request, response, next);
};
