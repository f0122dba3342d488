/** The node's certificate where libvirt and QEMU look for theirs. Source: https://libvirt.org/kbase/tlscerts.html */
import { chmod, chown, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile } from '../host/durable.ts';
import { type Run, run as runProgram } from '../process/run.ts';
import type { Identity } from './identity-files.ts';

interface PkiFile {
  path: string;
  text: string;
  secret: boolean;
}

/** Of one certificate: it is for servers and clients. */
export function pkiFiles({ ca, host: { key, cert } }: Pick<Identity, 'ca' | 'host'>): PkiFile[] {
  const open = (path: string, text: string) => ({ path, text, secret: false });
  const secret = (path: string, text: string) => ({ path, text, secret: true });
  return [
    open('CA/cacert.pem', ca),
    ...['server', 'client'].flatMap((side) => [
      secret(`libvirt/private/${side}key.pem`, key),
      open(`libvirt/${side}cert.pem`, cert),
    ]),
    open('qemu/ca-cert.pem', ca),
    ...['server', 'client'].flatMap((side) => [
      secret(`qemu/${side}-key.pem`, key),
      open(`qemu/${side}-cert.pem`, cert),
    ]),
  ];
}

/** Where libvirt and QEMU look for lists of revoked certificates, by default and without being told. */
const CRL_FILES = ['CA/cacrl.pem', 'qemu/ca-crl.pem'] as const;

/**
 * The list that counts from now on, where the CA there is ours.
 * @param ca certificate of the cluster's CA
 */
export async function installRevocations(
  folder: string,
  ca: string,
  crl: string,
  socket?: string,
  run: Run = runProgram,
): Promise<void> {
  const here = (path: string) => readFile(join(folder, path), 'utf8').catch(() => undefined);
  if ((await here('CA/cacert.pem')) !== ca) return;
  let changed = false;
  for (const path of CRL_FILES) {
    if ((await here(path)) === crl) continue;
    await replaceFile(join(folder, path), crl, 0o644);
    changed = true;
  }
  if (changed) await takeUp(socket, run);
}

/**
 * Writes those that differ; QEMU, which runs as a user of its own, may read its keys.
 * @param group id of the group that QEMU runs as, if there is one
 * @returns whether anything was written
 */
export async function writePki(
  folder: string,
  identity: Identity,
  group: number | undefined,
): Promise<boolean> {
  let changed = false;
  for (const { path, text, secret } of pkiFiles(identity)) {
    const file = join(folder, path);
    const mode = secret ? 0o640 : 0o644;
    const owner = secret && path.startsWith('qemu/') ? (group ?? 0) : 0;
    if (await isSame(file, text, mode, owner)) continue;
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await replaceFile(file, text, secret ? 0o600 : mode);
    await chown(file, 0, owner);
    await chmod(file, mode);
    changed = true;
  }
  return changed;
}

/** Takes away those that are this node's; another authority's stay. */
export async function removePki(folder: string, identity: Pick<Identity, 'ca' | 'host'>): Promise<void> {
  const ours = (await readFile(join(folder, 'CA/cacert.pem'), 'utf8').catch(() => undefined)) === identity.ca;
  if (ours) for (const path of CRL_FILES) await rm(join(folder, path), { force: true });
  for (const { path, text } of pkiFiles(identity)) {
    const file = join(folder, path);
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) await rm(file, { force: true });
  }
}

/**
 * Writes them, and lets a running libvirtd take them up.
 * @param socket libvirt's; beside it is the one for its administration
 */
export async function installPki(
  folder: string,
  identity: Identity,
  socket?: string,
  run: Run = runProgram,
): Promise<void> {
  if (await writePki(folder, identity, await qemuGroup())) await takeUp(socket, run);
}

/** libvirt reads its certificates, and the list of those that count no more, when it starts and when it is told to. */
async function takeUp(socket = '/run/libvirt/libvirt-sock', run: Run): Promise<void> {
  const admin = `libvirtd:///system?socket=${join(dirname(socket), 'libvirt-admin-sock')}`;
  // without TLS listeners, or not yet running, it has nothing to take up
  await run(['virt-admin', '-c', admin, 'server-update-tls', 'libvirtd'], { timeoutMs: 10_000 }).catch(
    () => undefined,
  );
}

/** Debian's libvirt runs QEMU as libvirt-qemu, others as qemu. */
async function qemuGroup(): Promise<number | undefined> {
  const groups = await readFile('/etc/group', 'utf8');
  const id = /^(?:libvirt-qemu|qemu):[^:]*:(\d+):/m.exec(groups)?.[1];
  return id === undefined ? undefined : Number(id);
}

async function isSame(file: string, text: string, mode: number, group: number): Promise<boolean> {
  try {
    const { mode: has, gid } = await stat(file);
    return (has & 0o777) === mode && gid === group && (await readFile(file, 'utf8')) === text;
  } catch {
    return false;
  }
}
