/**
 * What of a guest's own files goes with it to another node: the machine that it knows, its UEFI variables, and what it
 * boots from and is told by the node, which a guest keeps over restarts: kernel, initrd, ssh host key.
 */
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { copyDurably, ignoreMissing, removeDurably, syncPath } from '../storage/durable.ts';
import { writeFully } from '../storage/write-fully.ts';
import { broken, type GuestHead, type Incoming } from '../transfer/messages.ts';
import type { Outgoing } from '../transfer/sender.ts';
import { createGuestDirectory, type GuestRecord } from './directory.ts';

export interface CarriedFiles {
  /** @param to whose they become: another’s ssh host key stays behind */
  list(instance: string, to?: string): Promise<Outgoing[]>;
  /** Another guest of this node gets the same: what a running guest may change, what not, or all. */
  copy(from: string, to: string, which?: 'changing' | 'constant'): Promise<void>;
  /** Takes the file that comes next. What stood there is replaced: it is of an earlier attempt. */
  take(instance: string, head: GuestHead, incoming: Incoming): Promise<void>;
}

const MIB = 2 ** 20;
const HOST_KEY = 'host-key.json';
const VARIABLES = 'uefi-variables.fd';
/** Name in the guest's folder -> the largest that is taken, so that nobody fills the disk with them. */
const files: ReadonlyMap<string, number> = new Map([
  [VARIABLES, 64 * MIB],
  ['kernel', 256 * MIB],
  ['initrd.base', 1024 * MIB],
  [HOST_KEY, MIB],
]);

export function carriedFiles(stateDir: string): CarriedFiles {
  const directory = createGuestDirectory(stateDir);
  return {
    async list(instance, to = instance) {
      const { dir } = directory.paths(instance);
      const hardware = (await directory.readRecord(instance))?.hardware;
      const all: Outgoing[] = hardware ? [{ head: { what: 'guest', hardware } }] : [];
      for (const file of namesFor(instance, to)) {
        const path = join(dir, file);
        if (await stat(path).catch(ignoreMissing)) all.push({ head: { what: 'guest', file }, path });
      }
      return all;
    },
    async copy(from, to, which) {
      const { dir } = await directory.prepare(to, 0);
      const names = namesFor(from, to).filter(
        (file) => which === undefined || (file === VARIABLES) === (which === 'changing'),
      );
      for (const file of names) {
        const path = join(directory.paths(from).dir, file);
        if (await stat(path).catch(ignoreMissing)) await copyDurably(path, join(dir, file));
      }
      const hardware = (await directory.readRecord(from))?.hardware;
      if (hardware) await directory.writeRecord(to, { hardware, explanation: [] });
      await syncPath(dir);
    },
    async take(instance, { file, hardware }, incoming) {
      const { dir } = await directory.prepare(instance, 0);
      const limit = files.get(file ?? '');
      if (file === undefined) await incoming.skip();
      else if (limit === undefined) throw broken(`a guest has no file ${JSON.stringify(file)}`);
      else await replace(join(dir, file), limit, incoming);
      if (isHardware(hardware)) await directory.writeRecord(instance, { hardware, explanation: [] });
      await syncPath(dir);
    },
  };
}

const namesFor = (from: string, to: string): string[] =>
  [...files.keys()].filter((file) => from === to || file !== HOST_KEY);

async function replace(path: string, limit: number, incoming: Incoming): Promise<void> {
  const partial = `${path}.partial`;
  await removeDurably(partial);
  const file = await open(partial, 'wx', 0o600);
  try {
    await incoming.writeTo(limited(file, limit));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

const limited = (file: FileHandle, limit: number): Parameters<Incoming['writeTo']>[0] => ({
  writeAt(bytes, place) {
    if (place + bytes.length > limit) throw broken('a file of the guest is too large');
    return writeFully(file, bytes, place);
  },
  truncate(size) {
    if (size > limit) throw broken('a file of the guest is too large');
    return file.truncate(size);
  },
});

/** Another node's word: it goes into the definition of the guest, whose machine type and loader are checked there. */
function isHardware(value: unknown): value is NonNullable<GuestRecord['hardware']> {
  const { asked, machineType, loader, variablesOf } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof asked === 'string' &&
    typeof machineType === 'string' &&
    (loader === undefined || typeof loader === 'string') &&
    (variablesOf === undefined || typeof variablesOf === 'string')
  );
}
