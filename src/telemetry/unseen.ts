/** What orders a terminal about, begins a line, turns the direction of a text or is not seen at all. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Of these what JSON lets stand in a text as it is. */
const UNSEEN_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** As JSON spells it. */
function spelled(character: string): string {
  if (character === '\n') return '\\n';
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
}

/** A text of somebody else's, so that all of it can be seen. */
export function seen(text: string): string {
  return text.replace(UNSEEN, spelled);
}

/** JSON that means the same, in which all can be seen: such characters are only in its texts. */
export function seenJson(json: string): string {
  return json.replace(UNSEEN_IN_JSON, spelled);
}
