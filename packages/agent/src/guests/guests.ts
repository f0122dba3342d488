/** The guests of a node under libvirt: carries out guest.* and acts, says what is there, and tells what happens. */

import type { Duplex } from 'node:stream';
import { virDomainConsoleFlags } from '@gantry/libvirt';
import {
  type CpuDefinition,
  err,
  type GuestCall,
  type GuestSpec,
  type Inside,
  type InstanceId,
  type NodeAnswer,
  type Provenance,
} from '@gantry/model';
import type { ActionOf, Logger, Outcome } from '../actions.ts';
import type { ExecInside } from '../commands/serve-command.ts';
import type { Position } from '../console/reader.ts';
import type { DomainHappening } from '../env.ts';
import type { HypervisorXml } from '../host/hardware/hardware.ts';
import type { Observation } from '../observation.ts';
import { adoptDomain, releaseDomain } from './adoption/adopt.ts';
import { inspectDomain } from './adoption/inspect.ts';
import { resumeGuest, startOnce } from './boot-once.ts';
import { answerCall } from './calls.ts';
import type { Capabilities } from './capabilities.ts';
import { createConsoleRooms } from './console-room.ts';
import { type CopyParts, copyGuest, endCopy } from './copy.ts';
import { copyRecords } from './copy-records.ts';
import { cpuBaseline } from './cpu-baseline.ts';
import { compareGuest, type DiffWish } from './diff.ts';
import { createGuestDirectory } from './directory.ts';
import { createDomains } from './domains.ts';
import { execInside } from './exec.ts';
import { firstAlone } from './first-alone.ts';
import { createTranslator } from './happenings.ts';
import { askHypervisor } from './hypervisor.ts';
import { lookInside } from './inside.ts';
import { keptCapabilities } from './kept-capabilities.ts';
import { isRefusal, translate } from './libvirt-errors.ts';
import { versionOf } from './libvirt-names.ts';
import { lookAtRunning, type Membership } from './look.ts';
import { growOpenDisk } from './plug.ts';
import { deviceOf } from './pluggable.ts';
import type { GuestsOptions } from './ports.ts';
import { setMemory, setVcpus } from './resize.ts';
import { restoreGuest, saveGuest } from './save.ts';
import { readScreen } from './screen.ts';
import { createSession } from './session.ts';
import { defineGuest, startGuest } from './start.ts';
import type { StartParts } from './start-parts.ts';
import {
  type AskedAgents,
  destroyGuest,
  performAct,
  rebootGuest,
  removeGuest,
  type StopParts,
  shutdownGuest,
} from './stop.ts';

export type GuestAction =
  | 'guest.start'
  | 'guest.define'
  | 'guest.save'
  | 'guest.adopt'
  | 'guest.release'
  | 'guest.resume'
  | 'guest.shutdown'
  | 'guest.reboot'
  | 'guest.setVcpus'
  | 'guest.setMemory'
  | 'guest.destroy'
  | 'guest.remove'
  | 'guest.attachDevice'
  | 'guest.detachDevice'
  | 'guest.updateDevice'
  | 'guest.copy'
  | 'guest.endCopy'
  | 'act.perform';

type Perform<N extends GuestAction> = (
  action: ActionOf<N>,
  log: Logger,
  signal: AbortSignal,
) => Promise<Outcome>;

export interface Guests {
  perform: { [N in GuestAction]: Perform<N> };
  observe(): Promise<Pick<Observation, 'libvirt' | 'libvirtRefusal' | 'domains' | 'guestFiles' | 'copies'>>;
  /** What libvirt says about this node. @throws GantryError `hypervisor_unreachable`, `hypervisor_slow`, `host_unfit` */
  capabilities(): Promise<Capabilities>;
  /** What libvirt is busy with before it answers, for people. */
  examines(): string | undefined;
  /** The next one who wants its capabilities asks it again. */
  forget(): void;
  /** What guests may have here. @throws GantryError as above */
  hypervisor(): Promise<HypervisorXml>;
  /** Of the daemon: "9.0.0". */
  libvirtVersion(): Promise<string>;
  explain(instance: string): Promise<Provenance[] | undefined>;
  /** Where the console log of the latest start begins. */
  consoleStart(instance: string): Promise<Position>;
  paths(instance: string): { console: string; vnc: string };
  watch(onHappening: (happening: DomainHappening) => void, signal: AbortSignal): Promise<void>;
  /** A seat before the serial console, which is taken over from whoever else has it. @throws GantryError */
  console(instance: string): Promise<Duplex>;
  /** Runs a command inside, by the guest's own agent. */
  execInside: ExecInside;
  /** What the guest's own agent tells. */
  inside(instance: string): Promise<Inside>;
  /** The lines of a screen in text mode. @throws GantryError */
  screen(instance: string): Promise<string[]>;
  /** Makes a disk larger that the guest has open. @throws GantryError */
  growDisk(instance: InstanceId, path: string, sizeBytes: number): Promise<void>;
  /** Answers what the controller asks at once. */
  answer: (call: GuestCall) => Promise<NodeAnswer<GuestCall['do']>>;
  close(): Promise<void>;
}

export function createGuests(options: GuestsOptions): Guests {
  const { stateDir, membership, log, clock } = options;
  const directory = createGuestDirectory(stateDir);
  const session = createSession({
    uri: options.uri ?? 'qemu:///system',
    clock,
    log,
    ...(options.socket ? { socket: options.socket } : {}),
  });
  const records = copyRecords(stateDir);
  const domains = createDomains(session);
  const asked: AskedAgents = new Map();
  const starting = firstAlone();
  const capabilities = keptCapabilities(session, { clock, node: () => membership()?.node ?? 'this node' });
  session.listen({
    connected: () => {
      capabilities.forget();
      starting.again();
    },
  });

  const member = (): Membership => {
    const known = membership();
    if (!known) throw err('internal', { why: 'the node has not joined a cluster' });
    return known;
  };
  /** Errors of libvirt and of files in Gantry's words. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translate(error, membership()?.node ?? 'this node');
    }
  };
  const startParts = async (logger?: Logger): Promise<StartParts> => ({
    ...options,
    lv: await session.client(),
    capabilities: await capabilities.read((what) => logger?.('info', what)),
    directory,
    member: member(),
    starting,
  });
  const stopParts = (): StopParts => ({ session, directory, member: member() });
  const inspect = async (domain: string) =>
    inspectDomain(domain, { lv: await session.client(), member: member(), stateDir });
  const diff = async (wish: DiffWish) => compareGuest(wish, await startParts());
  const consoles = createConsoleRooms(async (instance) => {
    const lv = await session.client();
    const found = await lookAtRunning(lv, instance, member());
    if (!found) throw err('not_found', { kind: 'running guest', name: instance });
    return lv.domainOpenConsole({ dom: found.dom, flags: virDomainConsoleFlags.VIR_DOMAIN_CONSOLE_FORCE });
  }, clock);
  const baseline = async (cpus: readonly CpuDefinition[]) => {
    const [known, accelerator] = await Promise.all([capabilities.read(), options.accelerator()]);
    return cpuBaseline(await session.client(), { capabilities: known, accelerator }, cpus);
  };
  const done = async (work: () => Promise<unknown>): Promise<Outcome> => {
    await guarded(work);
    return {};
  };

  const copyParts = (): CopyParts => {
    const files = options.copyFiles?.(member().cluster);
    if (!files) throw err('internal', { why: 'copies of running guests have no place' });
    return { ...stopParts(), clock, records, disks: options.disks, files };
  };
  const plugParts = async () => ({ ...(await startParts()), clock });
  /** libvirt tells no event of a change, and the one of a removal may come after the next look. */
  const changing = (spec: GuestSpec, work: () => Promise<void>): Promise<Outcome> =>
    done(work).finally(() => domains.changed(spec.instance));

  return {
    perform: {
      'guest.start': ({ spec, once }, logger, signal) =>
        done(async () => {
          const parts = await startParts(logger);
          if (once) return await startOnce(spec, parts, logger, signal);
          const saved = { ...stopParts(), starting, qemuGid: parts.capabilities.qemu.gid };
          if (spec.memory === 'restore' && (await restoreGuest(spec, saved, logger))) return;
          await startGuest(spec, parts, logger, signal);
        }),
      'guest.define': ({ spec }, logger, signal) =>
        done(async () => defineGuest(spec, await startParts(logger), logger, signal)),
      'guest.save': ({ spec }, logger) => done(() => saveGuest(spec, stopParts(), logger)),
      'guest.adopt': ({ spec }, logger) =>
        changing(spec, async () => {
          const qemuGid = (await capabilities.read()).qemu.gid;
          await adoptDomain(spec, { ...stopParts(), qemuGid }, logger);
        }),
      'guest.release': ({ spec }, logger) => changing(spec, () => releaseDomain(spec, stopParts(), logger)),
      'guest.shutdown': ({ instance }, logger) =>
        done(() => shutdownGuest(instance, stopParts(), asked, logger)),
      'guest.resume': ({ instance }) => done(async () => resumeGuest(instance, await startParts())),
      'guest.reboot': ({ instance }) => done(() => rebootGuest(instance, stopParts())),
      'guest.setVcpus': ({ instance, vcpus }, logger, signal) =>
        done(() => setVcpus(instance, vcpus, { ...stopParts(), clock, log: logger, signal })),
      'guest.setMemory': ({ instance, memoryMiB }) => done(() => setMemory(instance, memoryMiB, stopParts())),
      'guest.destroy': ({ instance }) => done(() => destroyGuest(instance, stopParts())),
      'guest.remove': ({ instance }) =>
        done(async () => {
          await removeGuest(instance, stopParts());
          asked.delete(instance);
        }),
      'guest.attachDevice': ({ spec }, logger) =>
        changing(spec, async () => deviceOf(spec).attach(spec, await plugParts(), logger)),
      'guest.detachDevice': ({ spec }, logger, signal) =>
        changing(spec, async () => deviceOf(spec).detach(spec, await plugParts(), logger, signal)),
      'guest.updateDevice': ({ spec }, logger, signal) =>
        changing(spec, async () => deviceOf(spec).update(spec, await plugParts(), logger, signal)),
      'guest.copy': ({ spec }, logger, signal) => done(() => copyGuest(spec, copyParts(), logger, signal)),
      'guest.endCopy': ({ instance }, logger) => done(() => endCopy(instance, copyParts(), logger)),
      'act.perform': ({ action }) => done(() => performAct(action, stopParts())),
    },
    async observe() {
      const [guestFiles, copies] = await Promise.all([directory.list(), records.list()]);
      try {
        return { libvirt: true, domains: await domains.observe(), guestFiles, copies };
      } catch (error) {
        log('warn', 'libvirt cannot be asked', { error: String(error) });
        const refused = isRefusal(error) ? { libvirtRefusal: error.message } : {};
        return { libvirt: false, ...refused, domains: [], guestFiles, copies };
      }
    },
    capabilities: () => guarded(capabilities.read),
    examines: capabilities.doing,
    forget: capabilities.forget,
    // On a connection of its own: libvirt may have to ask QEMU first, for seconds.
    hypervisor: () =>
      guarded(async () => {
        const [known, accelerator] = await Promise.all([capabilities.read(), options.accelerator()]);
        return session.aside((lv) => askHypervisor(lv, known, accelerator));
      }),
    libvirtVersion: () => guarded(async () => versionOf(await session.client())),
    explain: async (instance) => (await directory.readRecord(instance))?.explanation,
    consoleStart: async (instance) =>
      (await directory.readRecord(instance))?.consoleFrom ?? { inode: 0, offset: 0 },
    paths: (instance) => {
      const { console, vnc } = directory.paths(instance);
      return { console, vnc };
    },
    async watch(onHappening, signal) {
      let translated = createTranslator(() => clock.bootMs());
      const stop = session.listen({
        connected: () => {
          translated = createTranslator(() => clock.bootMs());
          // Events may have been missed: of no domain in particular, but a reason to look.
          onHappening({ uuid: '', what: 'other', detail: 'libvirt is connected' });
        },
        event: (event) => {
          const happening = translated(event);
          if (happening) onHappening(happening);
        },
      });
      try {
        await session.keep(signal);
      } finally {
        stop();
      }
    },
    console: (instance) => guarded(() => consoles.enter(instance)),
    execInside: (command, say, signal) =>
      guarded(() => execInside(command, { session, member: member(), clock }, say, signal)),
    inside: (instance) => guarded(() => lookInside(instance, { session, member: member() })),
    screen: (instance) => guarded(async () => readScreen(await session.client(), instance, member())),
    growDisk: (instance, path, sizeBytes) =>
      guarded(async () =>
        growOpenDisk(instance, path, sizeBytes, { lv: await session.client(), member: member() }),
      ),
    answer: (call) =>
      guarded(() =>
        answerCall(call, { session, member: member(), clock, diff, inspect, baseline, taps: options.taps }),
      ),
    close: () => session.close(),
  };
}
