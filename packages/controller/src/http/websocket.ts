/** WebSocket routes: consoles of users and the agents' ends of tunnels. Refusals are ordinary HTTP answers. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { err, type RouteName, routes, toProblem } from '@gantry/model';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { App } from '../api/call.ts';
import { dispatch } from '../api/pipeline.ts';
import { identityOf } from './identity.ts';

interface Pattern {
  name: RouteName;
  regex: RegExp;
  params: string[];
}

const patterns: Pattern[] = Object.entries(routes).flatMap(([name, route]) => {
  if (!('stream' in route) || route.stream !== 'websocket') return [];
  const params = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const regex = new RegExp(`^${route.path.replace(/:\w+/g, '([^/]{1,512})')}$`);
  return [{ name: name as RouteName, regex, params }];
});

export function acceptWebSockets(app: App, server: Server): void {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 2 ** 20 });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(app, sockets, request, socket, head).catch((error: unknown) => refuse(socket, error));
  });
}

async function upgrade(
  app: App,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const pattern = patterns.find(({ regex }) => regex.test(path));
  if (!pattern) throw err('no_route', { method: 'WebSocket', path: path.slice(0, 200) });
  const values = pattern.regex.exec(path)?.slice(1).map(decodeParameter) ?? [];
  const params = Object.fromEntries(pattern.params.map((param, index) => [param, values[index] ?? '']));
  const gone = new AbortController();
  socket.on('close', () => gone.abort());
  const reply = await dispatch(app, {
    route: pattern.name,
    params,
    ...identityOf(request),
    signal: gone.signal,
  });
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const stream = createWebSocketStream(webSocket);
    stream.on('error', () => webSocket.terminate());
    reply.socket?.(stream);
  });
}

function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw err('invalid_argument', { what: 'the path', wanted: 'correctly escaped' });
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
