/** The format of server-sent events (WHATWG HTML, section 9.2), read from bytes. */

export interface ServerEvent {
  /** `message` where the server gave no name. */
  event: string;
  /** Last id that the server sent, to resume after. */
  id: string | undefined;
  data: string;
}

/** More than this in one event is not ours: the stream is given up instead of the memory. */
const MAX_EVENT_CHARS = 64 * 2 ** 20;

/** Collects lines of the stream and gives an event at each empty line. */
export class EventParser {
  #rest = '';
  #id: string | undefined;
  #event = '';
  #data: string[] = [];

  /** The events that end in this piece of the stream. Pieces may be cut anywhere. */
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A carriage return at the end may be half of CRLF: it waits for the next piece.
    const text = this.#rest + piece;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_EVENT_CHARS) throw new Error('an event of the stream is too large');
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') return this.#dispatch();
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const event = this.#event || 'message';
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    return data.length === 0 ? undefined : { event, id: this.#id, data: data.join('\n') };
  }
}

/** The events of a stream, until it ends. */
export async function* serverEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for await (const chunk of stream) yield* parser.push(decoder.decode(chunk, { stream: true }));
}
