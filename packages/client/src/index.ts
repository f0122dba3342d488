/** Typed client of Gantry's API. */
export { type CallOptions, Client, type ClientOptions, type Input, type Trace } from './client.ts';
export { checkEndpoint, type Endpoint, readTokenFile, socketOf, type Tls } from './endpoint.ts';
export type { PathParameter } from './endpoints.ts';
export { ApiError } from './problems.ts';
export { EventParser, type ServerEvent, serverEvents } from './server-events.ts';
export { pauseMs, resuming, type WatchOptions, watch } from './watch.ts';
export type { ByteStream } from './web-socket.ts';
