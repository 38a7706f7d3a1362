import { get, type IncomingMessage } from 'node:http';
import { change as changeSchema } from '../../dashboard/api/changes.ts';

export interface Told {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** What a browser's EventSource would be told. */
export class Listener {
  readonly told: Told[] = [];
  closed = false;
  status: number | undefined;
  headers: IncomingMessage['headers'] = {};
  #text = '';
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = get(url, { headers }, (response) => {
      ({ statusCode: this.status, headers: this.headers } = response);
      response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
      response.on('close', () => (this.closed = true));
    }).on('error', () => (this.closed = true));
  }

  changes(): string[] {
    return this.told.flatMap(({ event, data }) =>
      event === 'change' ? [`${changeSchema.parse(data).id} ${changeSchema.parse(data).status}`] : [],
    );
  }

  get lastId(): string {
    return this.told.findLast(({ id }) => id !== undefined)!.id!;
  }

  close(): void {
    this.#request.destroy();
  }

  #take(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n');
    this.#text = blocks.pop()!;
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const event = fields.get('event');
      if (event !== undefined) this.told.push({ event, id: fields.get('id'), data: JSON.parse(fields.get('data')!) });
    }
  }
}
