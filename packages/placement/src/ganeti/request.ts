/** What Ganeti asks an iallocator: a JSON file. Only what concerns the new instances is read; the cluster comes from elsewhere. */
import { err } from '@gantry/model';
import { diskTemplates, type InstanceSpec, instanceStatuses } from './cluster-data.ts';
import { jsonMember } from './json-member.ts';

/** One instance to place, and where it may be. */
export interface AllocationRequest {
  spec: InstanceSpec;
  /** Name or uuid. */
  group?: string;
  nodes?: string[];
  networks: string[];
}

/** Instances that are to leave nodes, in this order. */
export interface MoveRequest {
  instances: string[];
  /** What is to be given up. */
  leave: 'primary' | 'secondary' | 'both';
  /** Nodes that are no target, by name. */
  avoid: string[];
  /** Names or uuids of those that they go to, each to another than its own; empty: to any. Absent: each stays in its own. */
  groups?: string[];
}

const evacuations: Readonly<Record<string, MoveRequest['leave']>> = {
  'primary-only': 'primary',
  'secondary-only': 'secondary',
  all: 'both',
};

/** What a file asks for: new instances to be placed, or some of the file to be moved. */
export type IallocatorRequest =
  | { place: AllocationRequest[]; move?: never }
  | { move: MoveRequest; place?: never };

/**
 * Of `allocate`, `multi-allocate`, `relocate`, `node-evacuate` and `change-group`.
 * @throws GantryError `invalid_argument`, `not_supported`
 */
export function parseRequest(file: Uint8Array): IallocatorRequest {
  const request = requestIn(file);
  const type = textIn(request, 'type');
  if (type === 'allocate') return { place: [requestOf(request, request)] };
  if (type === 'multi-allocate')
    return {
      place: listIn(request, 'instances').map((each, i) =>
        requestOf(asObject(each, `instances[${i}]`), request),
      ),
    };
  return { move: moveOf(request, type) };
}

function moveOf(request: Record<string, unknown>, type: string): MoveRequest {
  if (type === 'relocate')
    return {
      instances: [textIn(request, 'name')],
      leave: 'secondary',
      avoid: textsIn(request, 'relocate_from'),
    };
  if (type === 'change-group') {
    const groups = textsIn(request, 'target_groups');
    return { instances: textsIn(request, 'instances'), leave: 'both', avoid: [], groups };
  }
  if (type !== 'node-evacuate')
    throw err('not_supported', {
      what: `the iallocator request type ${JSON.stringify(type.slice(0, 64))}`,
      instead:
        'Here are allocate, multi-allocate, relocate, node-evacuate and change-group; `gantry placement balance --evacuate` empties nodes.',
    });
  const mode = textIn(request, 'evac_mode');
  const leave = Object.hasOwn(evacuations, mode) ? evacuations[mode] : undefined;
  if (leave) return { instances: textsIn(request, 'instances'), leave, avoid: [] };
  throw bad(`evac_mode ${JSON.stringify(mode.slice(0, 64))}`, Object.keys(evacuations).join(', '));
}

function requestIn(file: Uint8Array): Record<string, unknown> {
  const member = jsonMember(file, 'request');
  if (member === undefined) throw bad('the request', 'a JSON object with a member "request"');
  return readJson(member);
}

function readJson(text: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(text), 'the request');
  } catch (error) {
    if (error instanceof SyntaxError) throw bad('the request', `JSON (${error.message.split('\n')[0]})`);
    throw error;
  }
}

function requestOf(of: Record<string, unknown>, whole: Record<string, unknown>): AllocationRequest {
  const group = whole['group_name'];
  const nodes = whole['restrict-to-nodes'];
  return {
    spec: specOf(of),
    networks: networksOf(of),
    ...(group === undefined || group === null ? {} : { group: textIn(whole, 'group_name') }),
    ...(nodes === undefined || nodes === null ? {} : { nodes: textsIn(whole, 'restrict-to-nodes') }),
  };
}

function specOf(of: Record<string, unknown>): InstanceSpec {
  const template = textIn(of, 'disk_template');
  if (!diskTemplates.includes(template))
    throw bad(`disk_template ${JSON.stringify(template)}`, `one of ${diskTemplates.join(', ')}`);
  const disks = listIn(of, 'disks').map((disk, i) => asObject(disk, `disks[${i}]`));
  const spindles = disks.map((disk) => (disk['spindles'] == null ? undefined : countIn(disk, 'spindles')));
  const known = spindles.every((count) => count !== undefined);
  return {
    name: textIn(of, 'name'),
    memory: countIn(of, 'memory'),
    vcpus: countIn(of, 'vcpus'),
    disk: countIn(of, 'disk_space_total'),
    disks: disks.map((disk) => countIn(disk, 'size')),
    status: statusOf(of['admin_state']),
    autoBalance: true,
    template,
    tags: of['tags'] === undefined ? [] : textsIn(of, 'tags'),
    spindleUse: of['spindle_use'] === undefined ? 1 : countIn(of, 'spindle_use'),
    diskSpindles: known ? spindles.reduce<number>((sum, count) => sum + (count ?? 0), 0) : undefined,
    forthcoming: of['forthcoming'] === true,
  };
}

function statusOf(state: unknown): InstanceSpec['status'] {
  if (state === undefined || state === 'up') return instanceStatuses[0];
  if (state === 'down') return 'ADMIN_down';
  if (state === 'offline') return 'ADMIN_offline';
  throw bad(`admin_state ${JSON.stringify(state)?.slice(0, 64)}`, 'up, down or offline');
}

function networksOf(of: Record<string, unknown>): string[] {
  const nics =
    of['nics'] === undefined ? [] : listIn(of, 'nics').map((nic, i) => asObject(nic, `nics[${i}]`));
  return nics.flatMap((nic) => (nic['network'] == null ? [] : [textIn(nic, 'network')]));
}

const bad = (what: string, wanted: string): Error => err('invalid_argument', { what, wanted });

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(what, 'a JSON object');
  return value as Record<string, unknown>;
}

function listIn(of: Record<string, unknown>, key: string): unknown[] {
  const value = of[key];
  if (!Array.isArray(value)) throw bad(`${key} of the request`, 'a list');
  return value;
}

function textsIn(of: Record<string, unknown>, key: string): string[] {
  const list = listIn(of, key);
  if (!list.every((value) => typeof value === 'string'))
    throw bad(`${key} of the request`, 'a list of texts');
  if (list.some((value) => /[|\n,\0]/.test(value as string)))
    throw bad(`${key} of the request`, 'texts without "|", "," and line ends');
  return list as string[];
}

/** Becomes a field of the text format, so no separators may be in it. */
function textIn(of: Record<string, unknown>, key: string): string {
  const value = of[key];
  if (typeof value !== 'string' || value === '' || /[|\n,\0]/.test(value))
    throw bad(`${key} of the request`, 'a text without "|", "," and line ends');
  return value;
}

function countIn(of: Record<string, unknown>, key: string): number {
  const value = of[key];
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 1e15)
    throw bad(`${key} of the request`, 'a whole number, 0 or more');
  return value as number;
}
