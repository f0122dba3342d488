/**
 * The files of each guest on its node:
 *
 *     DIR/agent/guests/INSTANCE/kernel, initrd, seed.iso, ...   its own copies: libvirt hands them to QEMU's user
 *                               console.log                      written by virtlogd, kept over restarts
 *                               record.json                      what was defined last, and why
 *                               uefi-variables.fd                made by libvirt from the firmware's template
 *                               run/agent.sock, run/vnc.sock     QEMU's user may make sockets here, and only here
 *
 * QEMU's user may pass through the folders but not list or write them.
 */
import { chmod, chown, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err, isUuid, type Provenance } from '@gantry/model';
import type { Position } from '../console/reader.ts';
import { ignoreMissing, listNames, replaceFile, syncPath } from '../storage/durable.ts';

const PASSABLE = 0o711;
const WRITABLE_BY_GROUP = 0o770;

/** What was defined last. */
export interface GuestRecord {
  /**
   * The machine type as asked for, and as libvirt resolved it at the first definition; its UEFI loader, and the disk
   * with the system that its variables are of.
   */
  hardware?: { asked: string; machineType: string; loader?: string; variablesOf?: string };
  explanation: Provenance[];
  /** The XML that libvirt was given; a record of an older agent lacks it. */
  asked?: string;
  /** Where the console log stood then: what follows is of the next start. */
  consoleFrom?: Position;
}

export interface GuestPaths {
  dir: string;
  console: string;
  agent: string;
  vnc: string;
  /** Its UEFI variables. */
  variables: string;
}

export interface GuestDirectory {
  paths(instance: string): GuestPaths;
  /** Makes the guest's folder; QEMU's group may write in `run`. */
  prepare(instance: string, qemuGid: number): Promise<GuestPaths>;
  readRecord(instance: string): Promise<GuestRecord | undefined>;
  writeRecord(instance: string, record: GuestRecord): Promise<void>;
  remove(instance: string): Promise<void>;
  /** Instances that have files here. */
  list(): Promise<string[]>;
}

export function createGuestDirectory(stateDir: string): GuestDirectory {
  const root = join(stateDir, 'agent', 'guests');
  const paths = (instance: string): GuestPaths => {
    if (!isUuid(instance)) throw err('internal', { why: `instance id ${JSON.stringify(instance)}` });
    const dir = join(root, instance);
    return {
      dir,
      console: join(dir, 'console.log'),
      agent: join(dir, 'run', 'agent.sock'),
      vnc: join(dir, 'run', 'vnc.sock'),
      variables: join(dir, 'uefi-variables.fd'),
    };
  };
  const recordPath = (instance: string) => join(paths(instance).dir, 'record.json');

  return {
    paths,
    async prepare(instance, qemuGid) {
      const found = paths(instance);
      const run = join(found.dir, 'run');
      await mkdir(run, { recursive: true, mode: PASSABLE });
      // umask may have taken bits away.
      await Promise.all([chmod(root, PASSABLE), chmod(found.dir, PASSABLE)]);
      await chown(run, 0, qemuGid);
      await chmod(run, WRITABLE_BY_GROUP);
      return found;
    },
    async readRecord(instance) {
      const text = await readFile(recordPath(instance), 'utf8').catch(ignoreMissing);
      return text === undefined ? undefined : parseRecord(text);
    },
    async writeRecord(instance, record) {
      const path = recordPath(instance);
      const isFirst = (await stat(path).catch(ignoreMissing)) === undefined;
      await replaceFile(path, JSON.stringify(record));
      // the machine that it knows must outlast a power cut; later records are put over a durable one
      if (isFirst) await syncPath(path);
    },
    remove: (instance) => rm(paths(instance).dir, { recursive: true, force: true }),
    list: async () => (await listNames(root)).filter(isUuid),
  };
}

/** A record that a power cut left empty is none. */
function parseRecord(text: string): GuestRecord | undefined {
  try {
    return JSON.parse(text) as GuestRecord;
  } catch {
    return undefined;
  }
}
