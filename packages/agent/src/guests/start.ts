/**
 * Define and start a guest. Each step looks first and may be repeated; a crash after any of them leaves either no
 * domain, or a defined one that the next look finds stopped.
 */
import { stat } from 'node:fs/promises';
import { release } from 'node:os';
import {
  askedMachineType,
  compileGuest,
  domainName,
  explain,
  explainAdditions,
  type GuestDomain,
  type HostContext,
  parseXml,
  readDomain,
  renderDomain,
  rootDevice,
} from '@gantry/guest';
import {
  type Domain,
  isInvalidState,
  type LibvirtClient,
  virDomainCreateFlags,
  virDomainXMLFlags,
} from '@gantry/libvirt';
import { err, type GuestSpec } from '@gantry/model';
import type { Logger } from '../actions.ts';
import { endOf } from '../console/reader.ts';
import type { PreparedBoot } from '../os/boot-kit/boot-files.ts';
import { ignoreMissing, removeDurably } from '../storage/durable.ts';
import { readyKept } from './adoption/kept.ts';
import { allowsDirectIo } from './direct-io.ts';
import type { GuestPaths, GuestRecord } from './directory.ts';
import { isAlive, versionOf } from './libvirt-names.ts';
import { type Found, lookAt, lookAtRunning, refuseNameTaken, refuseOlder } from './look.ts';
import type { StartParts } from './start-parts.ts';

/** Ends when QEMU runs. A guest that runs already is left as it is. */
export async function startGuest(
  spec: GuestSpec,
  parts: StartParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const dom = await defineGuest(spec, parts, log, signal);
  if (!dom) return;
  const { lv, member } = parts;
  signal.throwIfAborted();
  // Memory that is not to be gone on with belongs to a past that the disks may have left.
  const flags = virDomainCreateFlags.VIR_DOMAIN_START_FORCE_BOOT;
  try {
    await parts.starting(() => lv.domainCreateWithFlags({ dom, flags }));
  } catch (error) {
    const runs = isInvalidState(error) && (await lookAtRunning(lv, spec.instance, member));
    if (!runs) throw error;
  }
  log('info', `${spec.input.name} runs`);
}

/** Ends when libvirt knows the guest as wanted; undefined when it runs, and its definition then stays as it is. */
export async function defineGuest(
  spec: GuestSpec,
  parts: StartParts,
  log: Logger,
  signal: AbortSignal,
): Promise<Domain | undefined> {
  if (spec.input.definition === 'kept') return readyKept(spec, parts, log);
  const { lv, member, directory } = parts;
  const found = await lookAt(lv, spec.instance, member);
  if (found) refuseOlder(found, spec.epoch);
  if (found && isAlive(found.state)) return undefined;
  const name = await settleName(found, spec, parts, log);

  const paths = await directory.prepare(spec.instance, parts.capabilities.qemu.gid);
  const record = await directory.readRecord(spec.instance);
  await giveUpVariables(spec, paths, record, log);
  const host = await hostContext(spec, {
    ...parts,
    name,
    paths,
    record,
    prepareBoot: (rootedSpec, accelerator) =>
      parts.bootFiles.prepare(rootedSpec, paths.dir, { accelerator, log, signal }),
  });
  const guest = compileGuest(spec.input, host);
  signal.throwIfAborted();
  const dom = await lv.domainDefineXmlFlags({ xml: renderDomain(guest) });
  await keepAutostartOff(lv, dom);
  const made = await recordOf(lv, dom, guest, spec, record, host.architecture);
  await directory.writeRecord(spec.instance, { ...made, consoleFrom: await endOf(paths.console) });
  return dom;
}

/**
 * Those of a system that was reinstalled: libvirt makes new ones from the firmware's template. Which ones there are is on
 * record only after the definition, so a crash in between gives up what no guest has seen.
 */
async function giveUpVariables(
  { input: { variablesOf, name } }: GuestSpec,
  { variables }: GuestPaths,
  record: GuestRecord | undefined,
  log: Logger,
): Promise<void> {
  if (variablesOf === undefined || record?.hardware?.variablesOf === variablesOf) return;
  if (!(await stat(variables).catch(ignoreMissing))) return;
  await removeDurably(variables);
  log('info', `${name} gets new UEFI variables`);
}

/**
 * What the domain is called from now on. One that an earlier release made, or that somebody renamed, stays what it is
 * called; one that has the name of its instance follows that. The rename is a step of its own: after a crash behind it
 * the name is the new one already.
 */
async function settleName(
  found: Found | undefined,
  spec: GuestSpec,
  { lv, member }: Pick<StartParts, 'lv' | 'member'>,
  log: Logger,
): Promise<string> {
  const wanted = domainName(spec.input.name, spec.instance);
  const there = found?.dom.name;
  const follows = there === domainName(found?.facts.identity?.name ?? '', spec.instance);
  const name = there === undefined || follows ? wanted : there;
  await refuseNameTaken(lv, name, spec.instance, member);
  if (!found || there === name) return name;
  await lv.domainRename({ dom: found.dom, newName: name });
  log('info', `domain ${there} is now called ${name}`);
  return name;
}

interface ContextParts extends StartParts {
  /** Of the domain. */
  name: string;
  paths: GuestPaths;
  record: GuestRecord | undefined;
  /** The files that it boots from: written now, or only named. */
  prepareBoot(rooted: GuestSpec, accelerator: HostContext['accelerator']): Promise<PreparedBoot>;
}

/** What the compiler needs to know of this node for that guest. @throws GantryError `guest_refused` */
export async function hostContext(spec: GuestSpec, parts: ContextParts): Promise<HostContext> {
  const { capabilities, paths, record, member } = parts;
  const accelerator = await parts.accelerator();
  const [boot, disks, media, facts] = await Promise.all([
    parts.prepareBoot(rooted(spec), accelerator),
    diskFiles(spec, parts),
    mediaFiles(spec, parts),
    factsOf(accelerator, parts),
  ]);
  const direct = await Promise.all(Object.values(disks).map(({ path }) => allowsDirectIo(path)));
  return {
    uuid: spec.instance,
    domainName: parts.name,
    cluster: member.cluster,
    epoch: spec.epoch,
    architecture: capabilities.architecture,
    accelerator,
    emulator: capabilities.emulator,
    machineTypes: capabilities.machineTypes,
    disks,
    media,
    directIo: direct.every((allowed) => allowed),
    consoleLog: paths.console,
    agentSocket: paths.agent,
    vncSocket: paths.vnc,
    variables: paths.variables,
    facts,
    fit: spec.fit,
    ...(record?.hardware ? { hardware: record.hardware } : {}),
    ...(boot.kernel === undefined ? {} : { kernel: boot.kernel }),
    ...(boot.initrd === undefined ? {} : { initrd: boot.initrd }),
    ...(boot.kernelArgs === undefined ? {} : { commandLine: boot.kernelArgs }),
    ...(boot.seedIso === undefined ? {} : { seedIso: boot.seedIso }),
  };
}

async function factsOf(
  accelerator: HostContext['accelerator'],
  { lv, capabilities, hardware }: ContextParts,
): Promise<NonNullable<HostContext['facts']>> {
  const [known, libvirtVersion] = await Promise.all([hardware(), versionOf(lv)]);
  return {
    architecture: capabilities.architecture,
    accelerator: { kvm: accelerator === 'kvm', reason: '' },
    machineTypes: capabilities.machineTypes,
    libvirtVersion,
    kernel: release(),
    ...(known ? { hardware: known } : {}),
  };
}

/** The boot files learn the root device that goes with the bus of the disks. */
function rooted(spec: GuestSpec): GuestSpec {
  const boot = { ...spec.input.boot, root: rootDevice(spec.input) };
  return { ...spec, input: { ...spec.input, boot } };
}

async function diskFiles(spec: GuestSpec, parts: ContextParts): Promise<HostContext['disks']> {
  const seen = await parts.disks();
  return Object.fromEntries(
    spec.input.disks.map(({ id }) => {
      const disk = seen.find((candidate) => candidate.disk === id && candidate.state === 'ready');
      if (!disk) throw err('guest_refused', { why: `disk ${id} is not ready on this node` });
      return [id, { path: disk.path, format: disk.template === 'file-raw' ? 'raw' : 'qcow2' }] as const;
    }),
  );
}

/** What lies in its CD drives, by digest; the compiler says what is missing. */
async function mediaFiles(
  { input }: GuestSpec,
  { bases }: ContextParts,
): Promise<NonNullable<HostContext['media']>> {
  if (!input.cds?.some(({ media }) => media)) return {};
  return Object.fromEntries((await bases()).map(({ sha256, path }) => [sha256, path]));
}

/** What starts when belongs to the controller and its epochs. */
async function keepAutostartOff(lv: LibvirtClient, dom: Domain): Promise<void> {
  if (await lv.domainGetAutostart({ dom })) await lv.domainSetAutostart({ dom, autostart: false });
}

async function recordOf(
  lv: LibvirtClient,
  dom: Domain,
  guest: GuestDomain,
  spec: GuestSpec,
  before: GuestRecord | undefined,
  architecture: string,
): Promise<Omit<GuestRecord, 'consoleFrom'>> {
  const root = parseXml(await lv.domainGetXmlDesc({ dom, flags: virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE }));
  const { machineType, loader } = readDomain(root);
  const asked = askedMachineType(spec.input, architecture);
  // While the guest keeps its machine the first question stays on record, not today's default.
  const kept = before?.hardware?.machineType === machineType ? before?.hardware : undefined;
  const { variablesOf } = spec.input;
  const firmware = {
    ...(loader === undefined ? {} : { loader }),
    ...(variablesOf === undefined ? {} : { variablesOf }),
  };
  const hardware = machineType === undefined ? kept : { asked: kept?.asked ?? asked, machineType };
  return {
    ...(hardware ? { hardware: { ...hardware, ...firmware } } : {}),
    explanation: [...explain(guest), ...explainAdditions(guest, root)],
    asked: renderDomain(guest),
  };
}
