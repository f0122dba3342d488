import {
  array,
  charList,
  defaulted,
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
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { flags, proc, stringFlags } from './procedure.ts';

/** Domains: vCPUs, memory, tuning, pinning, statistics of the whole. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const domainResourcesProcedures = {
  domainGetMaxMemory: proc(17, { dom: domainRef }, safeUhyper),
  domainGetMaxVcpus: proc(18, { dom: domainRef }, int),
  /** State, time and pinning of each vCPU. */
  domainGetVcpus: proc(
    20,
    { dom: domainRef, maxinfo: int, maplen: int },
    struct({
      info: array(struct({ number: uint, state: int, cpuTime: uhyper, cpu: int }), 16384),
      cpumaps: opaque(8388608),
    }),
  ),
  domainPinVcpu: proc(26, { dom: domainRef, vcpu: uint, cpumap: opaque(2048) }),
  domainSetMaxMemory: proc(30, { dom: domainRef, memory: safeUhyper }),
  domainSetMemory: proc(31, { dom: domainRef, memory: safeUhyper }),
  domainSetVcpus: proc(32, { dom: domainRef, nvcpus: uint }),
  domainGetSchedulerType: proc(56, { dom: domainRef }, struct({ type: string, nparams: int })),
  domainGetSchedulerParameters: proc(57, { dom: domainRef, nparams: defaulted(int, 16) }, typedParams(16)),
  domainSetSchedulerParameters: proc(58, { dom: domainRef, params: typedParams(16) }),
  domainMemoryPeek: proc(104, { dom: domainRef, offset: safeUhyper, size: uint, flags }, opaque(4194304)),
  domainGetSecurityLabel: proc(121, { dom: domainRef }, struct({ label: charList(4097), enforcing: int })),
  /** Balloon statistics by `virDomainMemoryStatTags`, in KiB. */
  domainMemoryStats: proc(
    159,
    { dom: domainRef, maxStats: uint, flags },
    array(struct({ tag: int, val: uhyper }), 1024),
  ),
  domainSetMemoryParameters: proc(197, { dom: domainRef, params: typedParams(16), flags }),
  domainGetMemoryParameters: proc(
    198,
    { dom: domainRef, nparams: defaulted(int, 16), flags: stringFlags },
    only('params', { params: typedParams(16), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  /** How many vCPUs; `virDomainVcpuFlags`. */
  domainSetVcpusFlags: proc(199, { dom: domainRef, nvcpus: uint, flags }),
  /** How many vCPUs; `virDomainVcpuFlags`. */
  domainGetVcpusFlags: proc(200, { dom: domainRef, flags }, int),
  /** Balloon target or maximum, in KiB. */
  domainSetMemoryFlags: proc(204, { dom: domainRef, memory: safeUhyper, flags }),
  domainSetBlkioParameters: proc(205, { dom: domainRef, params: typedParams(16), flags }),
  domainGetBlkioParameters: proc(
    206,
    { dom: domainRef, nparams: defaulted(int, 16), flags: stringFlags },
    only('params', { params: typedParams(16), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  domainSetSchedulerParametersFlags: proc(219, { dom: domainRef, params: typedParams(16), flags }),
  domainGetSchedulerParametersFlags: proc(
    223,
    { dom: domainRef, nparams: defaulted(int, 16), flags: stringFlags },
    typedParams(16),
  ),
  domainPinVcpuFlags: proc(225, { dom: domainRef, vcpu: uint, cpumap: opaque(2048), flags }),
  domainGetControlInfo: proc(
    229,
    { dom: domainRef, flags },
    struct({ state: uint, details: uint, stateTime: uhyper }),
  ),
  domainGetVcpuPinInfo: proc(
    230,
    { dom: domainRef, ncpumaps: int, maplen: int, flags },
    struct({ cpumaps: opaque(8388608), num: int }),
  ),
  domainSetBlockIoTune: proc(252, { dom: domainRef, disk: string, params: typedParams(32), flags }),
  domainGetBlockIoTune: proc(
    253,
    { dom: domainRef, disk: nullable(string), nparams: defaulted(int, 32), flags: stringFlags },
    only('params', { params: typedParams(32), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  domainSetNumaParameters: proc(254, { dom: domainRef, params: typedParams(16), flags }),
  domainGetNumaParameters: proc(
    255,
    { dom: domainRef, nparams: defaulted(int, 16), flags: stringFlags },
    only('params', { params: typedParams(16), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  domainSetInterfaceParameters: proc(256, { dom: domainRef, device: string, params: typedParams(16), flags }),
  domainGetInterfaceParameters: proc(
    257,
    { dom: domainRef, device: string, nparams: defaulted(int, 16), flags: stringFlags },
    only('params', { params: typedParams(16), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  domainGetCpuStats: proc(
    262,
    { dom: domainRef, nparams: defaulted(uint, 2048), startCpu: int, ncpus: uint, flags: stringFlags },
    only('params', { params: typedParams(2048), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  domainGetSecurityLabelList: proc(
    278,
    { dom: domainRef },
    only(
      'labels',
      { labels: array(struct({ label: charList(4097), enforcing: int }), 64), ret: int },
      (labels) => ({ ret: labels.length }),
    ),
  ),
  domainPinEmulator: proc(279, { dom: domainRef, cpumap: opaque(2048), flags }),
  domainGetEmulatorPinInfo: proc(
    280,
    { dom: domainRef, maplen: int, flags },
    only('cpumaps', { cpumaps: opaque(8388608), ret: int }, (cpumaps) => ({ ret: cpumaps.length })),
  ),
  domainSetMemoryStatsPeriod: proc(308, { dom: domainRef, period: int, flags }),
  /** The I/O threads and their affinity. */
  domainGetIothreadInfo: proc(
    351,
    { dom: domainRef, flags },
    only(
      'info',
      { info: array(struct({ iothreadId: uint, cpumap: opaque(2048) }), 16384), ret: uint },
      (info) => ({ ret: info.length }),
    ),
  ),
  domainPinIothread: proc(352, { dom: domainRef, iothreadsId: uint, cpumap: opaque(2048), flags }),
  domainAddIothread: proc(355, { dom: domainRef, iothreadId: uint, flags }),
  domainDelIothread: proc(356, { dom: domainRef, iothreadId: uint, flags }),
  domainGetPerfEvents: proc(365, { dom: domainRef, flags }, typedParams(64)),
  domainSetPerfEvents: proc(366, { dom: domainRef, params: typedParams(64), flags }),
  domainGetGuestVcpus: proc(371, { dom: domainRef, flags }, typedParams(64)),
  domainSetGuestVcpus: proc(372, { dom: domainRef, cpumap: string, state: int, flags }),
  domainSetVcpu: proc(384, { dom: domainRef, cpumap: string, state: int, flags }),
  domainGetLaunchSecurityInfo: proc(396, { dom: domainRef, flags }, typedParams(64)),
  domainSetIothreadParams: proc(402, { dom: domainRef, iothreadId: uint, params: typedParams(64), flags }),
  domainStartDirtyRateCalc: proc(427, { dom: domainRef, seconds: int, flags }),
  domainSetLaunchSecurityState: proc(439, { dom: domainRef, params: typedParams(64), flags }),
};
