/** The real Host: storage, networks, guests, facts and probing of one node, put together. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Accelerator, err, type NodeFacts } from '@gantry/model';
import type { Action, ActionName, ActionOf, Logger, Outcome } from './actions.ts';
import { readOn } from './console/reader.ts';
import type { Env, Host } from './env.ts';
import { createGuests, type Guests } from './guests/guests.ts';
import { type AcceleratorTest, acceleratorTest } from './host/accelerator.ts';
import {
  bootId,
  type HypervisorFacts,
  nodeFacts,
  nodeGauges,
  parseCpuinfo,
  qemuFacts,
} from './host/facts.ts';
import { nodeHardware } from './host/hardware/hardware.ts';
import { keptHardware } from './host/hardware/kept.ts';
import { opensKvm } from './host/kvm-device.ts';
import { findTestKernel } from './host/test-kernel.ts';
import type { AgentLink } from './link.ts';
import { probe } from './liveness/probe.ts';
import { nodeFilters } from './network/filter/filters.ts';
import { guestFilter } from './network/filter/sources.ts';
import { nodeNetwork } from './network/network.ts';
import { addressProbe } from './network/probe/probe.ts';
import type { NodeOs } from './os/create-os.ts';
import { run } from './process/run.ts';
import { storageRoot } from './storage/layout.ts';
import { storagePlace } from './storage/place.ts';
import { createStorage } from './storage/storage.ts';
import type { NodeTransfers } from './transfer/transfers.ts';

export interface NodeHostOptions {
  /** `--state DIR`. */
  stateDir: string;
  /** libvirt's socket; without it the usual ones. */
  libvirtSocket?: string;
  env: Env;
  link: Pick<AgentLink, 'imageContent' | 'reaches'>;
  os: NodeOs;
  transfers: NodeTransfers;
  /** Whose domains and disks are ours: id of the cluster, id of the node; undefined until assignments came. */
  membership(): { cluster: string; node: string } | undefined;
  signal: AbortSignal;
}

type Performers = {
  [N in ActionName]: (action: ActionOf<N>, log: Logger, signal: AbortSignal) => Promise<Outcome>;
};

/** What this agent understands beyond the first release. */
const capabilities = [
  'storage:file-qcow2',
  'storage:file-raw',
  'network:nat',
  'network:bridge',
  'network:uplink',
  'network:filter',
  'os:debootstrap',
  'os:ganeti',
  'seed:nocloud',
  'guest:resume',
  'fit:cells',
  'guest:live-size',
  'guest:adopt',
  'guest:variables',
  'guest:copy',
  'disk:copy',
  'guest:cds',
  'guest:rescue-drive',
];

export interface NodeParts {
  host: Host;
  guests: Guests;
  /** Facts found out anew, with the self-test of the accelerator. */
  measure(): Promise<NodeFacts>;
}

export function nodeHost(options: NodeHostOptions): NodeParts {
  const { stateDir, env, link, os, membership, signal, transfers } = options;
  const accelerator = kvmTest(options);
  const place = storagePlace(stateDir, env.uuid);
  const storage = createStorage({ stateDir, link, os: os.providers, transfers, place });
  const network = nodeNetwork({
    dir: join(stateDir, 'agent', 'network'),
    cluster: () => membership()?.cluster ?? '',
    clock: env.clock,
    reaches: link.reaches,
  });
  const addresses = addressProbe();
  const filters = nodeFilters({ clock: env.clock });
  const hardware = keptHardware(
    async () => nodeHardware(await guests.hypervisor()),
    (error) => env.log('warn', 'what guests may have here could not be found out', { error: String(error) }),
  );
  const guests: Guests = createGuests({
    stateDir,
    ...(options.libvirtSocket ? { socket: options.libvirtSocket } : {}),
    clock: env.clock,
    log: env.log,
    membership: () => {
      const member = membership();
      return member && { cluster: member.cluster, node: hostname() };
    },
    accelerator: async () => ((await accelerator.result()).kvm ? 'kvm' : 'tcg'),
    disks: async () => (await storage.observe()).disks,
    bases: async () => (await storage.observe()).bases,
    hardware: hardware.latest,
    copyFiles: storage.copyFiles,
    bootFiles: os.bootFiles,
    taps: filters.taps,
  });

  const performers: Performers = {
    ...storage.perform,
    ...guests.perform,
    'disk.grow': async (action, log, abort) => {
      if (action.open) await guests.growDisk(action.open.instance, action.open.path, action.spec.sizeBytes);
      else await storage.perform['disk.grow'](action, log, abort);
      return {};
    },
    'network.ensure': ({ spec, leases }) => network.ensure(spec, leases).then(() => ({})),
    'network.remove': ({ spec }) => network.remove(spec).then(() => ({})),
    'address.probe': ({ spec }, _log, abort) => addresses.probe(spec, abort).then(() => ({})),
    'filter.ensure': ({ spec }) => filters.ensure(guestFilter(spec)).then(() => ({})),
    'filter.remove': ({ instance }) => filters.remove(instance).then(() => ({})),
  };
  const host: Host = {
    bootId: cachedBootId(),
    facts: () =>
      nodeFacts({
        hypervisor: () => hypervisor(guests),
        hardware: hardware.refresh,
        accelerator: async () => {
          accelerator.renew();
          return { ...(await accelerator.result()), ...(await examinedAnew(guests)) };
        },
        capabilities: [...capabilities, ...(transfers.canSend() ? ['disk:send'] : [])],
        transfer: transfers.endpoint(),
      }),
    examines: () => accelerator.doing() ?? guests.examines(),
    gauges: () => nodeGauges([{ name: 'file', path: storageRoot(stateDir) }]),
    async observe(anew) {
      const [found, disks, networks, standing] = await Promise.all([
        guests.observe(),
        storage.observe(),
        network.observe(anew),
        filters.observe(anew),
      ]);
      return { ...found, ...disks, networks, filters: standing };
    },
    perform: (action: Action, log, abort) =>
      (performers[action.do] as Performers[ActionName])(
        action as never,
        log,
        AbortSignal.any([signal, abort]),
      ),
    explain: guests.explain,
    paths: guests.paths,
    watch: guests.watch,
    consoleStart: guests.consoleStart,
    readConsole: (instance, from) => readOn(guests.paths(instance).console, from),
    screen: guests.screen,
    inside: guests.inside,
    probe: (target, onLive, abort) => probe(target, onLive, abort, { clock: env.clock, run }),
  };
  const measure = async () => {
    guests.forget();
    await accelerator.again();
    return host.facts();
  };
  return { host, guests, measure };
}

/** It changes only with the kernel that we run under. */
function cachedBootId(): () => string {
  const id = bootId();
  return () => id;
}

/** Only told where it holds: where libvirt cannot be asked nobody knows. */
async function examinedAnew(guests: Guests): Promise<Partial<Accelerator>> {
  const libvirt = await guests.capabilities().catch(() => undefined);
  return libvirt && !libvirt.kvm && (await opensKvm(libvirt.qemu)) ? { examinedAnew: true } : {};
}

async function hypervisor(guests: Guests): Promise<HypervisorFacts> {
  const [libvirt, libvirtVersion, qemu] = await Promise.all([
    guests.capabilities().catch(() => undefined),
    guests.libvirtVersion().catch(() => undefined),
    qemuFacts(QEMU),
  ]);
  return {
    ...qemu,
    ...(libvirtVersion ? { libvirtVersion } : {}),
    ...(libvirt ? { machineTypes: libvirt.machineTypes } : {}),
  };
}

const QEMU = `qemu-system-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}`;

/** @throws GantryError where there is no kernel to test with; the agent then runs without KVM and says why */
export function kvmTest({
  stateDir,
  env,
  os,
  signal,
}: Pick<NodeHostOptions, 'stateDir' | 'env' | 'os' | 'signal'>): AcceleratorTest {
  const test = acceleratorTest(
    {
      cachePath: join(stateDir, 'agent', 'accelerator.json'),
      qemu: QEMU,
      qemuVersion: async () => (await qemuFacts(QEMU)).qemuVersion,
      cpuModel: async () => parseCpuinfo(await readFile('/proc/cpuinfo', 'utf8')).cpuModel,
      bootId,
      testKernel: (abort) =>
        findTestKernel(
          {
            kits: os.bootKits,
            initrd: join(stateDir, 'agent', 'kvm-test.img'),
            log: (level, text) => env.log(level === 'output' ? 'debug' : level, text),
          },
          abort,
        ),
      env,
    },
    signal,
  );
  const untested = (error: unknown): Accelerator => {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(err('internal'));
    return { kvm: false, reason: `the self-test could not be made: ${why}` };
  };
  return {
    ...test,
    result: () => test.result().catch(untested),
    again: () => test.again().catch(untested),
  };
}
