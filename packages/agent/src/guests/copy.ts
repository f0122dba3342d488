/**
 * The disks of a guest that runs, copied by its QEMU: a backup job in push mode, which writes what all of them held at
 * the moment it began, while the guest runs on. Around that moment the guest's file systems may be frozen by its agent.
 * libvirt, formatbackup.html; QEMU, interop/live-block-operations.rst.
 */
import { element, writeInline } from '@gantry/guest';
import {
  isInvalidState,
  isNotFound,
  type LibvirtClient,
  virDomainGetJobStatsFlags,
  virDomainJobType,
} from '@gantry/libvirt';
import { err, formatBytes, type GuestCopies } from '@gantry/model';
import type { CopiedSpec, Logger } from '../actions.ts';
import type { Clock } from '../env.ts';
import type { SeenDisk } from '../observation.ts';
import { pingAgent, thaw, whileFrozen } from './agent-channel.ts';
import type { CopyRecord, CopyRecords } from './copy-records.ts';
import { type Found, lookAtRunning, refuseOlder } from './look.ts';
import type { StopParts } from './stop.ts';

/** The files that come of it. */
export interface CopyFiles {
  /** Where they are to be written; what an earlier attempt left is removed. @throws GantryError `disk_too_large` */
  begin(copies: GuestCopies): Promise<{ to: string; path: string }[]>;
  /** They get their names. May be repeated. */
  finish(copies: GuestCopies): Promise<void>;
  discard(copies: GuestCopies): Promise<void>;
  /** The guest's own files: those that it may change while it runs, or the others. */
  carry(from: string, to: string, which: 'changing' | 'constant'): Promise<void>;
}

export interface CopyParts extends StopParts {
  records: CopyRecords;
  files: CopyFiles;
  clock: Clock;
  disks(): Promise<SeenDisk[]>;
}

const failed = (why: string, cause?: unknown) => err('copy_failed', { why }, cause);

/** @throws GantryError `copy_failed`, `guest_agent`, `disk_too_large` */
export async function copyGuest(
  spec: CopiedSpec,
  parts: CopyParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { instance, copies } = spec;
  const { records, files } = parts;
  const record = await records.read(instance);
  if (record?.phase === 'copied' && record.copies.operation === copies.operation) {
    await complete(instance, copies, parts);
    return;
  }
  if (record) await endCopy(instance, parts, log);
  const found = await running(spec, parts);
  const targets = await files.begin(copies);
  try {
    const began = await begin(spec, found, targets, parts, log);
    log('info', `${spec.input.name} runs on while its disks are copied as they were at ${began}`);
    await untilWritten(spec, found, parts, log, signal);
    await records.write(instance, { copies, phase: 'copied', domainId: found.dom.id });
  } catch (error) {
    // What cannot be ended now stays on record, and is ended later.
    await endCopy(instance, parts, log).catch((why: unknown) =>
      log('warn', `the copy could not be ended yet: ${String(why)}`),
    );
    throw error;
  }
  await complete(instance, copies, parts);
}

async function complete(instance: string, copies: GuestCopies, { records, files }: CopyParts): Promise<void> {
  await files.finish(copies);
  await records.remove(instance);
}

async function running(spec: CopiedSpec, { session, member }: CopyParts): Promise<Found> {
  const found = await lookAtRunning(await session.client(), spec.instance, member);
  if (!found) throw failed(`${spec.input.name} does not run any more`);
  refuseOlder(found, spec.epoch);
  return found;
}

/** @returns when, for people */
async function begin(
  spec: CopiedSpec,
  found: Found,
  targets: readonly { to: string; path: string }[],
  parts: CopyParts,
  log: Logger,
): Promise<string> {
  const { instance, copies } = spec;
  const { records, files, clock, session } = parts;
  const backupXml = await backupOf(spec, found, targets, parts);
  const record = { copies, domainId: found.dom.id };
  // a kernel and its initrd are synced, which takes its time on a busy disk: nobody shall stand frozen for that
  await files.carry(instance, copies.instance, 'constant');
  if (copies.freeze) await pingAgent(instance, parts, clock.bootMs);
  await records.write(instance, { ...record, phase: copies.freeze ? 'freezing' : 'copying' });
  const start = async () => {
    const lv = await session.client();
    await lv.domainBackupBegin({ dom: found.dom, backupXml, checkpointXml: null, flags: 0 }).catch(refused);
    await files.carry(instance, copies.instance, 'changing');
    return new Date(clock.now()).toISOString();
  };
  if (!copies.freeze) return start();
  const { frozen, result } = await whileFrozen(instance, parts, start);
  log('info', `${frozen} file systems of ${spec.input.name} were frozen at ${result}, and are thawed`);
  await records.write(instance, { ...record, phase: 'copying' });
  return result;
}

/** libvirt says what stands against it: another job, a disk that cannot be copied. */
function refused(error: unknown): never {
  if (isInvalidState(error)) throw failed(textOf(error), error);
  throw error;
}

async function backupOf(
  { copies, input }: CopiedSpec,
  { facts }: Found,
  targets: readonly { to: string; path: string }[],
  { disks }: CopyParts,
): Promise<string> {
  const seen = await disks();
  const pathOf = (id: string) => seen.find(({ disk, state }) => disk === id && state === 'ready')?.path;
  const children = facts.live.disks.map(({ target, path }) => {
    const wanted = copies.disks.find(({ from }) => path !== undefined && pathOf(from) === path);
    const to = targets.find((one) => one.to === wanted?.to);
    if (!wanted || !to) return { element: element('disk', { name: target, backup: 'no' }) };
    const format = wanted.template === 'file-raw' ? 'raw' : 'qcow2';
    const parts = [element('driver', { type: format }), element('target', { file: to.path })];
    return {
      of: wanted.from,
      element: element('disk', { name: target, backup: 'yes', type: 'file' }, parts),
    };
  });
  const missing = copies.disks.find(({ from }) => !children.some(({ of: disk }) => disk === from));
  if (missing) throw failed(`${input.name} does not have disk ${missing.from} open`);
  const all = element(
    'disks',
    {},
    children.map((one) => one.element),
  );
  return writeInline(element('domainbackup', { mode: 'push' }, [all]));
}

const LOOK_EVERY_MS = 250;
const TELL_EVERY_MS = 10_000;

async function untilWritten(
  spec: CopiedSpec,
  { dom }: Found,
  { session, clock }: CopyParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let tellAt = clock.now() + TELL_EVERY_MS;
  for (;;) {
    const lv = await session.client();
    const { type, params } = await lv.domainGetJobStats({ dom, flags: 0 }).catch(gone);
    if (type === virDomainJobType.VIR_DOMAIN_JOB_NONE) break;
    if (clock.now() >= tellAt) {
      tellAt = clock.now() + TELL_EVERY_MS;
      log('info', `${progress(params)} of ${spec.input.name} copied`);
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  const flags = virDomainGetJobStatsFlags.VIR_DOMAIN_JOB_STATS_COMPLETED;
  const ended = await (await session.client()).domainGetJobStats({ dom, flags }).catch(gone);
  if (ended.type !== virDomainJobType.VIR_DOMAIN_JOB_COMPLETED) {
    const said = (ended.params as Record<string, unknown>)['errmsg'];
    throw failed(typeof said === 'string' ? said : 'QEMU ended the copy before it was whole');
  }
}

const NO_JOB = { type: virDomainJobType.VIR_DOMAIN_JOB_FAILED as number, params: {} };

function gone(error: unknown): typeof NO_JOB {
  if (isNotFound(error) || isInvalidState(error)) throw failed('its guest ended meanwhile', error);
  throw error;
}

function progress(params: object): string {
  const { disk_processed: done, disk_total: total } = params as Record<string, number | bigint | undefined>;
  return `${formatBytes(Number(done ?? 0))} of ${formatBytes(Number(total ?? 0))}`;
}

/**
 * Thaws the guest, ends QEMU's writing, removes what was written. May be repeated, and has to be while a guest that may be
 * frozen cannot be thawed: all else is ended then.
 * @throws GantryError `guest_agent`, `copy_failed`
 */
export async function endCopy(instance: string, parts: CopyParts, log: Logger): Promise<void> {
  const { records, files, session, member } = parts;
  const record = await records.read(instance);
  if (!record) return;
  const lv = await session.client();
  const found = await lookAtRunning(lv, instance, member);
  const same = found?.dom.id === record.domainId ? found : undefined;
  const mayBeFrozen = same && record.phase === 'freezing';
  const thawed = await Promise.allSettled(mayBeFrozen ? [thaw(instance, parts)] : []);
  if (same) await endJob(lv, same, record, parts);
  await files.discard(record.copies);
  for (const one of thawed) {
    if (one.status === 'rejected') throw one.reason;
    log('info', 'its file systems are thawed');
  }
  await records.remove(instance);
}

/** Bounded: libvirt cancels a backup in the moment that QEMU takes to answer. */
const CANCEL_MS = 30_000;

async function endJob(
  lv: LibvirtClient,
  { dom }: Found,
  { copies }: CopyRecord,
  { clock }: CopyParts,
): Promise<void> {
  const backup = await lv.domainBackupGetXmlDesc({ dom, flags: 0 }).catch(unlessNone);
  // another tool's is left alone
  if (!backup || !copies.disks.some(({ to }) => backup.includes(`/${to}.creating.`))) return;
  await lv.domainAbortJob({ dom }).catch(unlessNone);
  for (let waited = 0; waited < CANCEL_MS; waited += LOOK_EVERY_MS) {
    if (!(await lv.domainBackupGetXmlDesc({ dom, flags: 0 }).catch(unlessNone))) return;
    await clock.sleep(LOOK_EVERY_MS);
  }
  throw failed('QEMU does not end the copy');
}

function unlessNone(error: unknown): undefined {
  if (isNotFound(error) || isInvalidState(error)) return undefined;
  throw error;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
