/** An API of sentinel answers on a unix socket, which notes what it was asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, toProblem } from '@gantry/model';
import { run } from '../run.ts';
import { type FakeIo, fakeIo } from './fake-io.ts';

export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: unknown;
}
/** The JSON to answer with, or a function that answers itself. */
export type Answer = object | ((asked: Asked, response: ServerResponse) => void);

export class FakeApi {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'gantry-cli-'));
  readonly asked: Asked[] = [];
  /** By `METHOD /path`; others are answered with 404. */
  answers: Record<string, Answer> = {};
  readonly #server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://api');
      const text = Buffer.concat(chunks).toString();
      const isJson = request.headers['content-type'] === 'application/json';
      const asked = {
        method: request.method ?? '',
        path: decodeURIComponent(url.pathname),
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: isJson ? (JSON.parse(text) as unknown) : text,
      };
      this.asked.push(asked);
      this.#answer(asked, response);
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(join(this.dir, 'api.sock'), resolve));
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get env(): Record<string, string> {
    return {
      GANTRY_ENDPOINT: `unix:${join(this.dir, 'api.sock')}`,
      GANTRY_TOKEN: 'sentinel-token',
      GANTRY_CONFIG: join(this.dir, 'config.json'),
      HOME: this.dir,
    };
  }

  /** Runs a command against it. */
  async gantry(...words: string[]): Promise<{ code: number; out: string; err: string; io: FakeIo }> {
    return await this.gantryWith(fakeIo(this.env), ...words);
  }

  async gantryWith(
    io: FakeIo,
    ...words: string[]
  ): Promise<{ code: number; out: string; err: string; io: FakeIo }> {
    const code = await run(words, io);
    return { code, out: io.out(), err: io.err(), io };
  }

  #answer(asked: Asked, response: ServerResponse): void {
    const answer = this.answers[`${asked.method} ${asked.path}`];
    if (typeof answer === 'function') answer(asked, response);
    else if (answer) response.end(JSON.stringify(answer));
    else refuse(response, 'no_route', { method: asked.method, path: asked.path });
  }
}

export function refuse(response: ServerResponse, ...[code, params]: Parameters<typeof err>): void {
  const error = err(code, params);
  response.writeHead(error.status, { 'x-request-id': 'req-sentinel' }).end(JSON.stringify(toProblem(error)));
}

export const page = (...items: object[]): object => ({ items, revision: '1.7' });

/** Server-sent events, then the end of the stream. */
export const events =
  (...list: { event: string; data: object }[]) =>
  (_: Asked, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const { event, data } of list) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    response.end();
  };
