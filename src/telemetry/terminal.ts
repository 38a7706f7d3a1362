import { Writable } from 'node:stream';
import pretty from 'pino-pretty';

/** What would move a cursor, colour, ring, begin a line or turn the direction of the text. Also what JSON leaves as it is. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function visible(character: string): string {
  if (character === '\n') return '\\n';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Texts come from participants and payloads. Only a stack keeps its lines: it is printed indented, and can't pass for a line of the log. */
function harmless(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key !== 'stack') return value.replace(CONTROL, visible);
  return value.replace(CONTROL, (character) => (character === '\n' ? character : visible(character)));
}

/** Lines for a person's terminal: readable, and unable to do anything to it. */
export function terminal(destination: NodeJS.WritableStream | number): Writable {
  const lines = pretty({
    destination: destination as never,
    sync: true,
    ignore: 'pid,hostname,name',
    ...(typeof destination === 'number' ? {} : { colorize: false }),
  });
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      lines.write(`${JSON.stringify(JSON.parse(String(line), harmless))}\n`);
      done();
    },
  });
}
