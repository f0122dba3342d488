/** The kinds of objects in the store, and the columns by which they are found. */
import type {
  Act,
  Attachment,
  Cluster,
  Disk,
  Flavor,
  Group,
  Guest,
  Image,
  Instance,
  Network,
  Node,
  Operation,
  Project,
  Replica,
  Token,
  User,
} from '@gantry/model';

export interface Kinds {
  cluster: Cluster;
  group: Group;
  project: Project;
  node: Node;
  flavor: Flavor;
  image: Image;
  network: Network;
  disk: Disk;
  instance: Instance;
  operation: Operation;
  guest: Guest;
  replica: Replica;
  attachment: Attachment;
  act: Act;
  token: Token;
  user: User;
}
export type Kind = keyof Kinds;
export type Resource = Kinds[Kind];

/** What change rows and filters know of an object without reading its body. */
export interface Meta {
  kind: Kind;
  id: string;
  name: string;
  project?: string;
  /** The node whose agent is concerned. */
  node?: string;
  /** What it belongs to: the instance of a guest or disk, the disk or image of a replica, the target of an operation... */
  owner?: string;
  /** `status.state`, for lists of what is active. */
  state?: string;
}

export function metaOf(object: Resource): Meta {
  const node = nodeOf(object);
  const owner = ownerOf(object);
  const state = (object.status as { state?: string }).state;
  return {
    kind: object.kind,
    id: object.id,
    name: object.name,
    ...(object.project ? { project: object.project } : {}),
    ...(node ? { node } : {}),
    ...(owner ? { owner } : {}),
    ...(state ? { state } : {}),
  };
}

function nodeOf(object: Resource): string | undefined {
  switch (object.kind) {
    case 'node':
      return object.id;
    case 'instance':
      return object.status.node;
    case 'guest':
    case 'replica':
    case 'attachment':
    case 'act':
      return object.spec.node;
    default:
      return undefined;
  }
}

function ownerOf(object: Resource): string | undefined {
  switch (object.kind) {
    case 'node':
      return object.spec.group;
    case 'disk':
      return object.spec.instance;
    case 'operation':
      return object.spec.target.id;
    case 'guest':
      return object.spec.instance;
    case 'replica':
      return object.spec.what === 'disk' ? object.spec.disk : object.spec.image;
    case 'attachment':
      return object.spec.network;
    case 'act':
      return object.spec.operation;
    case 'token':
      return object.spec.user;
    default:
      return undefined;
  }
}
