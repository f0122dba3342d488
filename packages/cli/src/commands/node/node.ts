/** A node for people. */
import { formatBytes, type Node, nodeStates } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { ago, entries, join, section, subTable } from '../../output/describe.ts';
import { describeHost } from '../host-settings.ts';

const stateOf = ({ spec, status }: Node): string =>
  spec.role === 'active' ? status.state : `${status.state}, ${spec.role}`;
/** With its role, where it is not active. */
const states = [
  ...nodeStates,
  ...(['drained', 'offline'] as const).flatMap((role) => nodeStates.map((state) => `${state}, ${role}`)),
];
const acceleratorOf = ({ status }: Node): string | undefined =>
  status.facts && (status.facts.accelerator.kvm ? 'kvm' : 'tcg');

export const nodeColumns: readonly Column<Node>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'status', value: stateOf, values: states },
  { name: 'cpus', value: (row) => row.status.facts?.cpus },
  { name: 'memory', value: (row) => row.status.facts?.memoryMiB, unit: 'MiB' },
  { name: 'free', value: (row) => row.status.memoryFreeMiB, unit: 'MiB' },
  { name: 'accelerator', value: acceleratorOf, values: ['kvm', 'tcg'] },
  { name: 'seen', value: (row) => ago(row.status.lastSeenAt, Date.now()) },
  { name: 'libvirt', value: (row) => row.status.facts?.libvirtVersion, wide: true },
  { name: 'qemu', value: (row) => row.status.facts?.qemuVersion, wide: true },
  { name: 'kernel', value: (row) => row.status.facts?.kernel, wide: true },
  { name: 'agent', value: (row) => row.status.facts?.agentVersion, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

/** @param group its name, where it is known */
export function describeNode(node: Node, group?: string): string {
  const { name, id, spec, status } = node;
  const { facts } = status;
  return join(
    entries([
      ['name', name],
      ['id', id],
      ['state', stateOf(node)],
      ['role', spec.role],
      ['group', group],
      ['cpus', facts && `${facts.cpus} (${facts.cpuModel}, ${facts.architecture})`],
      ['memory', facts && formatBytes(facts.memoryMiB * 2 ** 20)],
      ['free', status.memoryFreeMiB === undefined ? undefined : formatBytes(status.memoryFreeMiB * 2 ** 20)],
      ['accelerator', facts && `${acceleratorOf(node)}: ${facts.accelerator.reason}`],
      ['kernel', facts?.kernel],
      ['libvirt', facts?.libvirtVersion],
      ['qemu', facts?.qemuVersion],
      ['agent', facts?.agentVersion],
      ['capabilities', facts?.capabilities.join(' ')],
      ['last seen', status.lastSeenAt],
    ]),
    section('Conditions', conditions(node)),
    section('For guests', describeHost(spec.host)),
    section('NUMA cells', cells(node)),
    section('Abilities', abilities(node)),
    section('Storage', storage(node)),
    section('Not managed by Gantry', foreign(node)),
    section(
      'Of this cluster, but unknown to it',
      (status.unknown ?? []).map((line) => `  ${line}`).join('\n'),
    ),
  );
}

const conditions = ({ status }: Node): string =>
  status.conditions
    .map(
      ({ type, status: holds, reason, message }) =>
        `  ${type}: ${holds}${holds === 'true' ? '' : ` (${reason}): ${message}`}`,
    )
    .join('\n');

const cells = ({ status }: Node): string =>
  subTable(
    ['CELL', 'MEMORY', 'CPUS', 'PAGES'],
    (status.facts?.hardware?.cells ?? []).map(({ id, memoryMiB, cores, pages }) => [
      String(id),
      formatBytes(memoryMiB * 2 ** 20),
      cores.map((core) => core.join('+')).join(' '),
      pages.map(({ sizeKiB, total }) => `${total} of ${formatBytes(sizeKiB * 1024)}`).join(', '),
    ]),
  );

/** What it cannot says why. */
const abilities = ({ status }: Node): string =>
  Object.entries(status.facts?.hardware?.abilities ?? {})
    .map(([name, { usable, reason }]) => `  ${name}: ${usable ? 'yes' : `no, ${reason}`}`)
    .join('\n');

const storage = ({ status }: Node): string =>
  subTable(
    ['NAME', 'FREE', 'TOTAL', 'PATH'],
    (status.storage ?? []).map(({ name, freeBytes, totalBytes, path }) => [
      name,
      formatBytes(freeBytes),
      formatBytes(totalBytes),
      path,
    ]),
  );

const foreign = ({ status }: Node): string =>
  subTable(
    ['DOMAIN', 'STATE', 'MEMORY', 'UUID'],
    (status.foreignDomains ?? []).map(({ name, running, memoryMiB, uuid }) => [
      name,
      running ? 'running' : 'stopped',
      formatBytes(memoryMiB * 2 ** 20),
      uuid,
    ]),
  );
