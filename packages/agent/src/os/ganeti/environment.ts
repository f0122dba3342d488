/** The environment of an OS script, API 10 to 20. Source: Ganeti 3.0, lib/backend.py, OSEnvironment and OSCoreEnv. */
import type { OsContext } from '@gantry/model';
import type { OsDefinition } from './definition.ts';
import type { OsParameters } from './os-parameters.ts';

export interface OsDisk {
  path: string;
  sizeBytes: number;
  uuid: string;
}

export function osEnvironment(
  definition: OsDefinition,
  variant: string | undefined,
  context: OsContext,
  parameters: OsParameters,
  disk: OsDisk,
  /** Of `rename`: the name until then. */
  oldName?: string,
): Record<string, string> {
  return {
    ...parameters.plain,
    OS_API_VERSION: String(definition.api),
    INSTANCE_NAME: context.personality.hostname ?? context.instance,
    INSTANCE_OS: variant === undefined ? definition.name : `${definition.name}+${variant}`,
    OS_NAME: definition.name,
    ...(variant === undefined ? {} : { OS_VARIANT: variant }),
    HYPERVISOR: 'kvm',
    DEBUG_LEVEL: '0',
    ...(context.reinstall ? { INSTANCE_REINSTALL: '1' } : {}),
    ...(oldName === undefined ? {} : { OLD_INSTANCE_NAME: oldName }),
    INSTANCE_PRIMARY_NODE: 'localhost',
    INSTANCE_SECONDARY_NODES: '',
    INSTANCE_HV_serial_console: 'True',
    INSTANCE_BE_vcpus: String(context.vcpus),
    INSTANCE_BE_memory: String(context.memoryMiB),
    INSTANCE_BE_minmem: String(context.memoryMiB),
    INSTANCE_BE_maxmem: String(context.memoryMiB),
    ...diskVariables(disk),
    ...nicVariables(context),
    ...parameters.declared,
  };
}

const diskVariables = ({ path, sizeBytes, uuid }: OsDisk): Record<string, string> => ({
  DISK_COUNT: '1',
  DISK_0_PATH: path,
  DISK_0_ACCESS: 'rw',
  DISK_0_UUID: uuid,
  DISK_0_SIZE: String(Math.floor(sizeBytes / 2 ** 20)),
  DISK_0_FRONTEND_TYPE: 'paravirtual',
  DISK_0_BACKEND_TYPE: 'file:loop',
});

/** A NIC of Ganeti has one address, of either family: IP6 is ours, for where it has both. Networks have no tags here. */
function nicVariables({ nics }: OsContext): Record<string, string> {
  const all: Record<string, string> = { NIC_COUNT: String(nics.length) };
  for (const [index, nic] of nics.entries()) {
    const fields = {
      MAC: nic.mac,
      IP: nic.ip ?? nic.ipv6,
      IP6: nic.ipv6,
      MODE: 'bridged',
      BRIDGE: nic.bridge,
      LINK: nic.bridge,
      FRONTEND_TYPE: 'paravirtual',
      NETWORK_NAME: nic.network,
      NETWORK_UUID: nic.networkId,
      NETWORK_TAGS: nic.network === undefined ? undefined : '',
      NETWORK_SUBNET: nic.subnet,
      NETWORK_GATEWAY: nic.gateway,
      NETWORK_SUBNET6: nic.subnet6,
      NETWORK_GATEWAY6: nic.gateway6,
    };
    for (const [field, value] of Object.entries(fields))
      if (value !== undefined) all[`NIC_${index}_${field}`] = value;
  }
  return all;
}
