import { Writable } from 'node:stream';
import type { DestinationStream } from 'pino';
import pretty from 'pino-pretty';
import { seen, seenJson } from './unseen.ts';

/** Texts and names come from participants and payloads. Only a stack keeps its lines: it is printed indented, and can't pass for a line of the log. */
function harmless(value: unknown, key?: string): unknown {
  if (typeof value === 'string') return key === 'stack' ? value.split('\n').map(seen).join('\n') : seen(value);
  if (Array.isArray(value)) return value.map((one) => harmless(one));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [seen(name), harmless(one, name)]));
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
      lines.write(`${JSON.stringify(harmless(JSON.parse(String(line))))}\n`);
      done();
    },
  });
}

/** Lines for a program, that a person may look at all the same: `tail` and `docker logs` show them as they are. */
export function jsonLines(destination: { write(line: string): unknown }): DestinationStream {
  return { write: (line) => void destination.write(seenJson(line)) };
}
