/** Writes cpio archives in the `newc` format, which the kernel unpacks (Documentation/driver-api/early-userspace). */

export interface CpioEntry {
  /** Without leading slash; folders above it are added by themselves. */
  path: string;
  /** Default: 0644 for files. */
  mode?: number;
  content: string | Uint8Array;
  /** `content` is where a symbolic link points to. */
  link?: boolean;
}

const FILE = 0o100000;
const FOLDER = 0o040000;
const LINK = 0o120000;

/** All is root's, with time 0: the same entries give the same bytes. Its length is a multiple of 4, so archives can be joined. */
export function writeNewc(
  entries: readonly CpioEntry[],
  folderModes: Readonly<Record<string, number>> = {},
): Buffer {
  const parts: Buffer[] = [];
  let inode = 0;
  const add = (path: string, mode: number, content: Uint8Array) => {
    parts.push(header(++inode, path, mode, content.length), Buffer.from(content), padding(content.length));
  };
  for (const folder of foldersOf(entries))
    add(folder, FOLDER | (folderModes[folder] ?? 0o755), Buffer.alloc(0));
  for (const { path, mode = 0o644, content, link } of entries)
    add(path, link ? LINK | 0o777 : FILE | mode, Buffer.from(content));
  parts.push(header(0, 'TRAILER!!!', 0, 0));
  return Buffer.concat(parts);
}

function foldersOf(entries: readonly CpioEntry[]): string[] {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const steps = path.split('/');
    for (let i = 1; i < steps.length; i++) folders.add(steps.slice(0, i).join('/'));
  }
  return [...folders].sort();
}

function header(inode: number, path: string, mode: number, size: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const folder = (mode & 0o170000) === FOLDER;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, folder ? 2 : 1, 0, size, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([head, name, padding(head.length + name.length)]);
}

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
