import {
  array,
  charArray,
  charList,
  defaulted,
  flag,
  int,
  nullable,
  only,
  opaque,
  safeUhyper,
  string,
  struct,
  uhyper,
  uint,
} from '../layouts.ts';
import {
  domainRef,
  interfaceRef,
  networkRef,
  nodeDeviceRef,
  nwfilterBindingRef,
  nwfilterRef,
  secretRef,
  storagePoolRef,
} from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { countedProc, flags, proc, stringFlags } from './procedure.ts';

const nodeStats = { params: array(struct({ field: string, value: uhyper }), 16), nparams: int };

/** The connection and the host. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const connectProcedures = {
  /** The driver's name, `QEMU` for instance. */
  connectGetType: proc(3, {}, string),
  /** The hypervisor's version as major * 1,000,000 + minor * 1,000 + release. */
  connectGetVersion: proc(4, {}, safeUhyper),
  connectGetMaxVcpus: proc(5, { type: nullable(string) }, int),
  /** CPU model, topology and memory in KiB. The memory is that of the NUMA nodes and may differ from /proc/meminfo. */
  nodeGetInfo: proc(
    6,
    {},
    struct({
      model: charArray(32),
      memory: safeUhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  /** XML: host CPU, topology, guest types. */
  connectGetCapabilities: proc(7, {}, string),
  connectListDefinedDomains: proc(21, { maxnames: int }, array(string, 16384)),
  connectNumOfDefinedDomains: proc(25, {}, int),
  connectListDefinedNetworks: proc(36, { maxnames: int }, array(string, 16384)),
  connectListDomains: proc(37, { maxids: int }, array(int, 16384)),
  connectListNetworks: proc(38, { maxnames: int }, array(string, 16384)),
  connectNumOfDefinedNetworks: proc(50, {}, int),
  connectNumOfDomains: proc(51, {}, int),
  connectNumOfNetworks: proc(52, {}, int),
  /** The host's name as libvirtd sees it. */
  connectGetHostname: proc(59, {}, string),
  connectNumOfStoragePools: proc(71, {}, int),
  connectListStoragePools: proc(72, { maxnames: int }, array(string, 16384)),
  connectNumOfDefinedStoragePools: proc(73, {}, int),
  connectListDefinedStoragePools: proc(74, { maxnames: int }, array(string, 16384)),
  connectFindStoragePoolSources: proc(75, { type: string, srcSpec: nullable(string), flags }, string),
  /** Free bytes of each NUMA cell. */
  nodeGetCellsFreeMemory: proc(101, { startCell: int, maxcells: int }, array(uhyper, 1024)),
  /** Free memory in bytes. */
  nodeGetFreeMemory: proc(102, {}, safeUhyper),
  /** The URI the server opened. */
  connectGetUri: proc(110, {}, string),
  nodeNumOfDevices: proc(111, { cap: nullable(string), flags }, int),
  nodeListDevices: proc(112, { cap: nullable(string), maxnames: int, flags }, array(string, 65536)),
  nodeGetSecurityModel: proc(122, {}, struct({ model: charList(257), doi: charList(257) })),
  connectNumOfInterfaces: proc(126, {}, int),
  connectListInterfaces: proc(127, { maxnames: int }, array(string, 16384)),
  connectDomainXmlFromNative: proc(135, { nativeFormat: string, nativeConfig: string, flags }, string),
  connectDomainXmlToNative: proc(136, { nativeFormat: string, domainXml: string, flags }, string),
  connectNumOfDefinedInterfaces: proc(137, {}, int),
  connectListDefinedInterfaces: proc(138, { maxnames: int }, array(string, 16384)),
  connectNumOfSecrets: proc(139, {}, int),
  connectListSecrets: proc(140, { maxuuids: int }, array(string, 16384)),
  /** Whether the transport is encrypted or local. */
  connectIsSecure: proc(149, {}, flag),
  /** libvirt's version on the server, counted the same way. */
  connectGetLibVersion: proc(157, {}, safeUhyper),
  /** A `virCPUCompareResult`. */
  connectCompareCpu: proc(158, { xml: string, flags }, int),
  /** XML: the greatest CPU that all the given ones can run. */
  connectBaselineCpu: proc(162, { xmlCPUs: array(string, 256), flags }, string),
  connectNumOfNwfilters: proc(178, {}, int),
  connectListNwfilters: proc(179, { maxnames: int }, array(string, 16384)),
  /** XML: SMBIOS tables of the host. */
  connectGetSysinfo: proc(203, { flags }, string),
  /** CPU time by kind in ns; `cpuNum` -1 for the whole host. */
  nodeGetCpuStats: countedProc(
    227,
    { cpuNum: int, nparams: defaulted(int, 0), flags },
    only('params', nodeStats, (params) => ({ nparams: params.length })),
    only('nparams', nodeStats, () => ({ params: [] })),
  ),
  /** Memory by kind in KiB; `cellNum` -1 for the whole host. */
  nodeGetMemoryStats: countedProc(
    228,
    { nparams: defaulted(int, 0), cellNum: int, flags },
    only('params', nodeStats, (params) => ({ nparams: params.length })),
    only('nparams', nodeStats, () => ({ params: [] })),
  ),
  nodeSuspendForDuration: proc(250, { target: uint, duration: uhyper, flags }),
  /** Domains; flags `virConnectListAllDomainsFlags`, none means all. */
  connectListAllDomains: proc(
    273,
    { needResults: defaulted(int, 1), flags },
    only('domains', { domains: array(domainRef, 16384), ret: uint }, (domains) => ({ ret: domains.length })),
  ),
  /** Pools; flags `virConnectListAllStoragePoolsFlags`. */
  connectListAllStoragePools: proc(
    281,
    { needResults: defaulted(int, 1), flags },
    only('pools', { pools: array(storagePoolRef, 16384), ret: uint }, (pools) => ({ ret: pools.length })),
  ),
  /** Networks; flags `virConnectListAllNetworksFlags`. */
  connectListAllNetworks: proc(
    283,
    { needResults: defaulted(int, 1), flags },
    only('nets', { nets: array(networkRef, 16384), ret: uint }, (nets) => ({ ret: nets.length })),
  ),
  connectListAllInterfaces: proc(
    284,
    { needResults: defaulted(int, 1), flags },
    only('ifaces', { ifaces: array(interfaceRef, 16384), ret: uint }, (ifaces) => ({ ret: ifaces.length })),
  ),
  /** Host devices; flags `virConnectListAllNodeDeviceFlags`. */
  connectListAllNodeDevices: proc(
    285,
    { needResults: defaulted(int, 1), flags },
    only('devices', { devices: array(nodeDeviceRef, 65536), ret: uint }, (devices) => ({
      ret: devices.length,
    })),
  ),
  connectListAllNwfilters: proc(
    286,
    { needResults: defaulted(int, 1), flags },
    only('filters', { filters: array(nwfilterRef, 16384), ret: uint }, (filters) => ({
      ret: filters.length,
    })),
  ),
  /** Secrets; flags `virConnectListAllSecretsFlags`. */
  connectListAllSecrets: proc(
    287,
    { needResults: defaulted(int, 1), flags },
    only('secrets', { secrets: array(secretRef, 16384), ret: uint }, (secrets) => ({ ret: secrets.length })),
  ),
  /** Tunes KSM (`shm_pages_to_scan`, `shm_sleep_millisecs`, `shm_merge_across_nodes`). */
  nodeSetMemoryParameters: proc(288, { params: typedParams(64), flags }),
  nodeGetMemoryParameters: proc(
    289,
    { nparams: defaulted(int, 64), flags: stringFlags },
    only('params', { params: typedParams(64), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  nodeGetCpuMap: proc(
    293,
    { needMap: int, needOnline: int, flags },
    struct({ cpumap: opaque(2048), online: uint, ret: int }),
  ),
  /** The CPU models libvirt knows for an architecture. */
  connectGetCpuModelNames: proc(
    312,
    { arch: string, needResults: defaulted(int, 1), flags },
    only('models', { models: array(string, 8192), ret: int }, (models) => ({ ret: models.length })),
  ),
  /** Free pages, for each cell and page size (KiB) in turn. */
  nodeGetFreePages: proc(
    340,
    { pages: array(uint, 1024), startCell: int, cellCount: uint, flags },
    array(uhyper, 1024),
  ),
  /** XML: what a domain of this emulator, machine and type may ask for. */
  connectGetDomainCapabilities: proc(
    342,
    {
      emulatorbin: nullable(string),
      arch: nullable(string),
      machine: nullable(string),
      virttype: nullable(string),
      flags,
    },
    string,
  ),
  /** Statistics of many domains in one call; an empty `doms` means all. `stats`: `virDomainStatsTypes`, 0 for all. */
  connectGetAllDomainStats: proc(
    344,
    { doms: array(domainRef, 16384), stats: uint, flags },
    array(struct({ dom: domainRef, params: typedParams(262144) }), 16384),
  ),
  /** Grows or sets pools of huge pages; gives how many nodes were changed. */
  nodeAllocPages: proc(
    347,
    { pageSizes: array(uint, 1024), pageCounts: array(uhyper, 1024), startCell: int, cellCount: uint, flags },
    int,
  ),
  /** A `virCPUCompareResult` against what the hypervisor can give a guest. */
  connectCompareHypervisorCpu: proc(
    393,
    {
      emulator: nullable(string),
      arch: nullable(string),
      machine: nullable(string),
      virttype: nullable(string),
      xmlCPU: string,
      flags,
    },
    int,
  ),
  /** XML: as `connectBaselineCpu`, limited to what this hypervisor can give a guest. */
  connectBaselineHypervisorCpu: proc(
    394,
    {
      emulator: nullable(string),
      arch: nullable(string),
      machine: nullable(string),
      virttype: nullable(string),
      xmlCPUs: array(string, 256),
      flags,
    },
    string,
  ),
  nodeGetSevInfo: proc(
    395,
    { nparams: defaulted(int, 64), flags: stringFlags },
    only('params', { params: typedParams(64), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  connectListAllNwfilterBindings: proc(
    401,
    { needResults: defaulted(int, 1), flags },
    only('bindings', { bindings: array(nwfilterBindingRef, 16384), ret: uint }, (bindings) => ({
      ret: bindings.length,
    })),
  ),
  connectGetStoragePoolCapabilities: proc(403, { flags }, string),
};
