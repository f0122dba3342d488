/** Another size for a guest that runs. Looks first: a size that it has already is left. */
import { emulatedKeepsCpus, withSizes } from '@gantry/guest';
import {
  type Domain,
  isBusy,
  type LibvirtClient,
  LibvirtError,
  virDomainVcpuFlags as Vcpus,
  virDomainModificationImpact,
} from '@gantry/libvirt';
import { err, type GantryError } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { Clock } from '../env.ts';
import { type Found, lookAtRunning } from './look.ts';
import type { StopParts } from './stop.ts';

/** An agent that is alive answers in much less, on a busy node too. */
const AGENT_TIMEOUT_MS = 15_000;

/** How long a guest’s kernel may take to give a CPU up, or to see new ones, on a busy node too. */
const KERNEL_MS = 60_000;
const LOOK_MS = 500;

export interface ResizeParts extends StopParts {
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** Ends when the guest has so many. @throws GantryError `guest_kept` where it keeps one */
export async function setVcpus(instance: string, vcpus: number, parts: ResizeParts): Promise<void> {
  const lv = await parts.session.client();
  const found = await lookAtRunning(lv, instance, parts.member);
  if (!found) return;
  const { dom } = found;
  const has = (await lv.domainGetInfo({ dom })).nrVirtCpu;
  if (has === vcpus) return;
  if (vcpus < has && found.facts.type !== 'kvm') throw kept(found, has, emulatedKeepsCpus);
  if (vcpus < has) await insideToo(found, vcpus, parts);
  for (let next = has - 1; next >= vcpus; next--) await unplugTo(found, next, parts);
  if (vcpus > has) await parts.session.aside((own) => plug(own, dom, vcpus));
  parts.log('info', `${dom.name} has ${vcpus} virtual CPUs, and had ${has}`);
  await recordSize(instance, parts, { vcpus });
  if (vcpus > has) await insideToo(found, vcpus, parts);
}

const plug = (lv: LibvirtClient, dom: Domain, nvcpus: number): Promise<unknown> =>
  lv.domainSetVcpusFlags({ dom, nvcpus, flags: Vcpus.VIR_DOMAIN_VCPU_LIVE });

/**
 * One at a time, and asked for once: libvirt (9.0) waits 5 s for the guest and then fails, and goes on listening for what the
 * guest does later.
 * @throws GantryError `guest_kept` where the guest has said no, or nothing
 */
async function unplugTo(found: Found, vcpus: number, parts: ResizeParts): Promise<void> {
  const { dom } = found;
  try {
    await parts.session.aside((lv) => plug(lv, dom, vcpus));
  } catch (error) {
    if (isRejected(error)) throw kept(found, vcpus + 1, 'its kernel refuses to give one up');
    if (!isBusy(error)) throw error;
    if (!(await givenUp(dom, vcpus, parts)))
      throw kept(found, vcpus + 1, `its kernel has not given one up in ${KERNEL_MS / 1000} s`);
  }
}

async function givenUp(dom: Domain, vcpus: number, { session, clock, signal }: ResizeParts) {
  for (const end = clock.now() + KERNEL_MS; clock.now() < end; await clock.sleep(LOOK_MS, signal)) {
    const lv = await session.client();
    if ((await lv.domainGetInfo({ dom })).nrVirtCpu <= vcpus) return true;
  }
  return false;
}

/** By the method _OST of ACPI. */
const isRejected = (error: unknown): boolean =>
  error instanceof LibvirtError && /rejected by the guest/.test(error.message);

const kept = ({ dom, facts }: Found, has: number, why: string): GantryError =>
  err('guest_kept', { name: facts.identity?.name ?? dom.name, what: `${has} virtual CPUs`, why });

/**
 * A kernel gives a CPU up more readily once it is offline, and many leave a new one offline. Where no agent answers, that
 * is the guest’s own affair. It takes a moment until a guest sees new ones.
 */
async function insideToo({ dom, facts }: Found, nvcpus: number, parts: ResizeParts): Promise<void> {
  if (!facts.agentConnected) return;
  const flags = Vcpus.VIR_DOMAIN_VCPU_GUEST;
  for (const end = parts.clock.now() + KERNEL_MS; ; await parts.clock.sleep(LOOK_MS, parts.signal)) {
    try {
      return await parts.session.aside((lv) =>
        lv.domainSetVcpusFlags({ dom, nvcpus, flags }, { timeoutMs: AGENT_TIMEOUT_MS }),
      );
    } catch (error) {
      if (/reports less cpu/.test(String(error)) && parts.clock.now() < end) continue;
      return parts.log('info', `the guest agent of ${dom.name} did not switch its CPUs: ${String(error)}`);
    }
  }
}

/** Ends when QEMU has told the balloon. */
export async function setMemory(instance: string, memoryMiB: number, parts: StopParts): Promise<void> {
  const lv = await parts.session.client();
  const found = await lookAtRunning(lv, instance, parts.member);
  if (!found) return;
  const flags = virDomainModificationImpact.VIR_DOMAIN_AFFECT_LIVE;
  await lv.domainSetMemoryFlags({ dom: found.dom, memory: memoryMiB * 1024, flags });
  await recordSize(instance, parts, { memoryMiB });
}

/** What was asked for last: a size that somebody else gave it is told from it. */
async function recordSize(
  instance: string,
  { directory }: StopParts,
  size: Parameters<typeof withSizes>[1],
): Promise<void> {
  const record = await directory.readRecord(instance);
  if (record?.asked === undefined) return;
  await directory.writeRecord(instance, { ...record, asked: withSizes(record.asked, size) });
}
