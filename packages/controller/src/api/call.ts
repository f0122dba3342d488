/** What a handler gets and gives. Handlers are plain functions; HTTP and the in-process caller share them. */
import type { Duplex } from 'node:stream';
import { type Body, err, type Query, type Revision, type RouteName, type TaskStatus } from '@gantry/model';
import type { Env } from '../env.ts';
import type { ImageFiles } from '../images/image-files.ts';
import { type Kind, type Kinds, metaOf, type Resource } from '../kinds.ts';
import type { Mirror } from '../placement/mirror.ts';
import type { Remote } from '../remote.ts';
import type { Draft, IdempotencyRecord } from '../store/batch.ts';
import type { Committed, Store } from '../store/store.ts';
import type { Tunnels } from '../tunnels.ts';
import type { Turns } from '../turns.ts';
import { type Caller, type Peer, requireRoleAt, sees } from './caller.ts';
import type { Denials } from './denials.ts';
import { similarNames } from './similar-names.ts';

/** The controller, as handlers and tasks know it. */
export interface App {
  store: Store;
  env: Env;
  images: ImageFiles;
  tunnels: Tunnels;
  denials: Denials;
  turns: Turns;
  mirror: Mirror;
  /** Only while it listens beyond its own machine. */
  remote?: Remote;
  tasks(): TaskStatus[];
}

/** A request as it arrives, over HTTP or in process. */
export interface Request {
  route: RouteName;
  /** Bearer secret. */
  token?: string | undefined;
  /** Where it comes from, for the audit: an address, or `unix socket`. */
  from?: string | undefined;
  /** Undefined for requests from this machine. */
  peer?: Peer | undefined;
  /** Name or id of the project that it is about. */
  project?: string;
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  bytes?: AsyncIterable<Uint8Array>;
  idempotencyKey?: string | undefined;
  ifMatch?: string | undefined;
  lastEventId?: string | undefined;
  requestId?: string;
  signal?: AbortSignal;
}

export interface ServerEvent {
  event: string;
  /** Resume after it with Last-Event-ID. */
  id?: string;
  data: unknown;
}

export interface Reply {
  status?: number;
  body?: unknown;
  /** The body as JSON, where it is that already: it is sent so, and `body` is not looked at. */
  json?: string;
  headers?: Record<string, string>;
  /** Server-sent events, until the iterator or the call's signal ends. */
  events?: AsyncIterable<ServerEvent>;
  /** Raw bytes. */
  bytes?: AsyncIterable<Uint8Array>;
  /** What to do with the socket of a WebSocket route. */
  socket?: (socket: Duplex) => void;
}

/** For callers in this process the body is read when it is asked for. */
export class JsonReply implements Reply {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  get body(): unknown {
    return JSON.parse(this.json);
  }
}

export interface Call<N extends RouteName = RouteName> {
  app: App;
  route: N;
  caller: Caller;
  params: Readonly<Record<string, string>>;
  query: Query<N>;
  body: Body<N>;
  /** Of routes that take raw bytes. */
  bytes?: AsyncIterable<Uint8Array>;
  ifMatch?: string;
  lastEventId?: string;
  peer?: Peer;
  requestId: string;
  signal: AbortSignal;
  /** Writes the draft together with its audit event and, where the request made something, its idempotency record. */
  commit(draft: Draft, about: About): Promise<Committed>;
}

export interface About {
  /** What the request is about. */
  subject: Resource;
  message: string;
  /** What a repetition of the request is answered with. */
  made?: { kind: Kind; id: string };
  /** What it removed: a repetition is answered with it once it is no more. */
  removed?: Resource;
  /** What that answer has beside the object. */
  beside?: NonNullable<IdempotencyRecord['beside']>;
}

export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Reply>;

/** Anything that asks of the store on a caller's behalf. */
export type Asking = Pick<Call, 'app' | 'caller'>;

/**
 * The object of that id or name, as far as the caller may see it: of the request's or his own project first, then what
 * all share. Whoever has not the role that the route asks for in its project is refused here, for every route.
 * @throws GantryError `not_found`, `ambiguous`, `forbidden`
 */
export async function resolve<K extends Kind>(asking: Asking, kind: K, ref: string): Promise<Kinds[K]> {
  const found = await find(asking, kind, ref);
  requireRoleAt(asking.caller, found);
  return found;
}

async function find<K extends Kind>({ app, caller }: Asking, kind: K, ref: string): Promise<Kinds[K]> {
  const byId = await app.store.get(kind, ref);
  if (byId && sees(caller, metaOf(byId))) return byId;
  const named = (await app.store.named(kind, ref)).filter((object) => sees(caller, metaOf(object)));
  const own = named.find((object) => object.project === caller.project);
  const found = own ?? named.find((object) => object.project === undefined) ?? named[0];
  if (!found)
    throw err('not_found', { kind, name: ref, ...(await similarNames(app.store, caller, kind, ref)) });
  if (found !== own && found.project !== undefined && named.length > 1)
    throw err('ambiguous', { name: ref, matches: await inWords(app, named) });
  return found;
}

/** `web1 of project blue (5d0e...)`, for each. */
async function inWords(app: App, named: readonly Resource[]): Promise<string> {
  const words = named.map(async ({ id, name, project }) => {
    const owner = project && (await app.store.get('project', project));
    return owner ? `${name} of project ${owner.name} (${id})` : `${name} (${id})`;
  });
  return (await Promise.all(words)).join(', ');
}

/** @throws GantryError `precondition_failed` when the request names another revision than the object's */
export function requireMatch(call: Pick<Call, 'ifMatch'>, object: Resource): void {
  const wanted = call.ifMatch?.replace(/^W\//, '').replaceAll('"', '');
  if (wanted === undefined || wanted === '*' || wanted === object.revision) return;
  const { kind, name } = object;
  throw err('precondition_failed', { kind, name, revision: wanted.slice(0, 40) });
}

/** One resource with its entity tag. */
export const resourceReply = (object: Resource, status?: number): Reply => ({
  body: object,
  headers: { etag: etagOf(object.revision) },
  ...(status ? { status } : {}),
});

export const etagOf = (revision: Revision): string => `"${revision}"`;

/** As committed. */
export function committed<R extends Resource>({ objects }: Committed, object: R): R {
  return (objects.get(object.id) as R | undefined) ?? object;
}
