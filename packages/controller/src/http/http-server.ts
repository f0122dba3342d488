/** HTTP: a thin adapter. Headers, bodies and streams in and out; everything else is the pipeline's. */
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { Readable } from 'node:stream';
import { err, isGantryError, type Problem, type RouteName, routes, toProblem } from '@gantry/model';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { App, Reply } from '../api/call.ts';
import { dispatch } from '../api/pipeline.ts';
import { serveEnrolment } from './enrolment.ts';
import { header, identityOf } from './identity.ts';
import { openapi } from './openapi.ts';
import { sendEvents } from './sse.ts';
import { acceptWebSockets } from './websocket.ts';

const MIB = 2 ** 20;
const BODY_LIMIT = MIB;
/** A node's whole report, with explanations of all its guests. */
const REPORT_LIMIT = 32 * MIB;
/** Path parameters: names of images have up to 127 characters, three times that when escaped. */
const PARAM_LENGTH = 512;

/**
 * One listening end of the API: call `listen` on it, `close` ends it.
 * @param secure the server of a door to other machines, which asks for certificates
 */
export async function httpServer(
  app: App,
  secure?: (onRequest: RequestListener) => Server,
): Promise<FastifyInstance> {
  const server = Fastify({
    ...(secure ? { serverFactory: secure } : {}),
    bodyLimit: BODY_LIMIT,
    // watches are long, uploads slow
    requestTimeout: 0,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => void refuse(reply as FastifyReply, known(error), request.id),
    genReqId: () => `req_${app.env.uuid()}`,
  });
  server.setErrorHandler((error, request, reply) => refuse(reply, known(error), request.id));
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]?.slice(0, 200) ?? '';
    return refuse(reply, err('no_route', { method: request.method, path }), request.id);
  });
  server.removeContentTypeParser('text/plain');
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const document = openapi();
  server.get('/openapi.json', (_request, reply) => reply.send(document));
  for (const [name, { method, path, ...route }] of Object.entries(routes)) {
    const stream = 'stream' in route ? route.stream : undefined;
    if (stream === 'websocket') continue;
    server.route({
      method,
      url: path,
      bodyLimit:
        stream === 'bytes-in' ? Number.MAX_SAFE_INTEGER : name === 'report' ? REPORT_LIMIT : BODY_LIMIT,
      handler: (request, reply) => answer(app, name as RouteName, request, reply),
    });
  }
  if (secure) serveEnrolment(app, server);
  acceptWebSockets(app, server.server as Server);
  await server.ready();
  return server;
}

async function answer(
  app: App,
  route: RouteName,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const gone = new AbortController();
  reply.raw.on('close', () => gone.abort());
  const replied = await dispatch(app, {
    route,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, unknown>,
    ...bodyOf(route, request),
    ...identityOf(request.raw),
    ifMatch: header(request.raw, 'if-match'),
    idempotencyKey: header(request.raw, 'idempotency-key'),
    ...lastEventId(request.raw),
    requestId: request.id,
    signal: gone.signal,
  });
  return send(app, route, replied, request, reply, gone.signal);
}

async function send(
  app: App,
  route: RouteName,
  replied: Reply,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
): Promise<unknown> {
  const { status, json, headers, events, bytes } = replied;
  reply.header('x-request-id', request.id);
  if (events) {
    reply.hijack();
    await sendEvents(app.env, reply.raw, events, signal);
    return reply;
  }
  reply.status(status ?? routes[route].status).headers(headers ?? {});
  if (bytes) return reply.send(Readable.from(bytes));
  // Encoded once: of a text the length would be counted first, and then written part by part.
  if (json !== undefined) return reply.type(JSON_TYPE).send(Buffer.from(json));
  return reply.send(replied.body);
}

const JSON_TYPE = 'application/json; charset=utf-8';

function bodyOf(
  route: RouteName,
  { body, headers }: FastifyRequest,
): { body?: unknown; bytes?: AsyncIterable<Uint8Array> } {
  const stream = body as AsyncIterable<Uint8Array> | undefined;
  const isStream = typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream;
  const wantsBytes = 'stream' in routes[route] && routes[route].stream === 'bytes-in';
  if (wantsBytes === isStream || body === undefined || body === null)
    return isStream ? { bytes: stream } : { body: body ?? undefined };
  const wanted = wantsBytes ? 'application/octet-stream' : 'application/json';
  throw err('invalid_argument', { what: `content type ${headers['content-type']?.slice(0, 64)}`, wanted });
}

function lastEventId(request: IncomingMessage): { lastEventId?: string } {
  const id = header(request, 'last-event-id');
  return id ? { lastEventId: id } : {};
}

/** Fastify's own refusals by our codes. */
function known(error: unknown): unknown {
  if (isGantryError(error)) return error;
  const { code, statusCode, message } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return err('body_too_large', { limit: 'allowed' }, error);
  if (statusCode !== undefined && statusCode < 500) return err('invalid_body', { problems: message }, error);
  return error;
}

function refuse(reply: FastifyReply, error: unknown, requestId: string): unknown {
  const problem: Problem = toProblem(error, requestId);
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  return reply
    .status(problem.status)
    .type('application/problem+json')
    .header('x-request-id', requestId)
    .send(problem);
}
