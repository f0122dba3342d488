/** The controller: API, store, operations, tasks. */

export type { Reply, Request, ServerEvent } from './api/call.ts';
export { type ClusterOptions, type Initialized, initCluster } from './bootstrap.ts';
export { Controller } from './controller.ts';
export type { Clock, Env } from './env.ts';
export { httpServer } from './http/http-server.ts';
export { openapi } from './http/openapi.ts';
export { DiskImageFiles, type ImageFiles } from './images/image-files.ts';
export { type RunningServer, type ServerOptions, startServer, storePath } from './server.ts';
export { SqliteStore } from './store/sqlite-store.ts';
export type { Store } from './store/store.ts';
export { systemEnv } from './system-env.ts';
