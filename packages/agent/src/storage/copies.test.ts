/** Disks between the storages of two nodes, without the wire between them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DiskReplicaSpec } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../process/run.ts';
import { dataExtents } from '../transfer/extents.ts';
import { Incoming, messagesOf } from '../transfer/messages.ts';
import type { Shipment } from '../transfer/sender.ts';
import type { Transfers } from '../transfer/transfers.ts';
import { writeEmptyQcow2 } from './empty-qcow2.ts';
import { createStorage, type Storage } from './storage.ts';

const MiB = 2 ** 20;
const id = () => randomUUID() as never;
const cluster = id();
const { signal } = new AbortController();
const quiet = () => undefined;
const instance = randomUUID();

let dir: string;
let baseContent: Buffer;
/** What goes over, and may be changed on its way. */
let wire: (shipment: Shipment) => Shipment;
let expecting: ((incoming: Incoming) => Promise<void>) | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-copies-'));
  baseContent = Buffer.concat([randomBytes(MiB), Buffer.alloc(2 * MiB), randomBytes(MiB)]);
  wire = (shipment) => shipment;
  expecting = undefined;
});
afterEach(() => rm(dir, { recursive: true }));

const transfers: Transfers = {
  receive: (_expected, take) =>
    new Promise((resolve, reject) => {
      expecting = (incoming) => take(incoming).then(resolve, reject);
    }),
  async send(shipment) {
    const { files } = wire(shipment);
    const bytes = Readable.from(streamOf(files), { objectMode: false });
    await expecting?.(new Incoming(bytes, signal)).finally(() => bytes.destroy());
  },
};

async function* streamOf(files: Shipment['files']) {
  for (const { head, path } of files) {
    if (path === undefined) {
      yield* messagesOf(head, undefined);
      continue;
    }
    const handle = await open(path, 'r');
    try {
      const { size: sizeBytes } = await handle.stat();
      yield* messagesOf(head, { handle, sizeBytes, extents: await dataExtents(path, signal) });
    } finally {
      await handle.close(); // a receiver that refuses what comes ends it in the middle
    }
  }
}

function storageAt(node: string, free = 10_240 * MiB): Storage {
  const cached = join(dir, 'cached.raw');
  return createStorage({
    stateDir: join(dir, node),
    link: { imageContent: async () => pieces(baseContent) },
    os: {
      async content() {
        await writeFile(cached, baseContent);
        return { kind: 'cached', path: cached, sha256: digest(baseContent) };
      },
    },
    transfers,
    free: async () => free,
  });
}
async function* pieces(bytes: Buffer) {
  yield bytes;
}
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const specOf = (
  source: DiskReplicaSpec['source'],
  template: DiskReplicaSpec['template'],
): DiskReplicaSpec => ({
  ...{ what: 'disk', node: id(), cluster, disk: id(), desired: 'present', template, source },
  sizeBytes: 64 * MiB,
  operation: id(),
});
const sources: Record<string, () => DiskReplicaSpec['source']> = {
  blank: () => ({ kind: 'blank' }),
  image: () => ({
    ...{ kind: 'image', image: id(), format: 'raw' },
    sha256: digest(baseContent),
    virtualBytes: baseContent.length,
  }),
  os: () => ({ kind: 'os', os: { provider: 'debootstrap' } }),
};

const order = { to: id(), name: 'n2', at: { address: '192.0.2.2', port: 1 }, ticket: 't'.repeat(43) };
const sending = (spec: DiskReplicaSpec): DiskReplicaSpec => ({
  ...spec,
  send: { ...order, operation: id(), guest: instance as never },
});
const receiving = (spec: DiskReplicaSpec): DiskReplicaSpec => ({
  ...spec,
  operation: id(),
  receive: { from: id(), ticketSha256: '0'.repeat(64), guest: instance as never },
});

/** A disk with something written to it. */
async function made(storage: Storage, spec: DiskReplicaSpec): Promise<string> {
  await storage.perform['disk.create']({ do: 'disk.create', spec }, quiet, signal);
  const { disks } = await storage.observe();
  const path = disks.find(({ disk }) => disk === spec.disk)?.path ?? '';
  const format = spec.template === 'file-raw' ? 'raw' : 'qcow2';
  await run(['qemu-io', '-f', format, '-c', 'write -P 7 20M 3M', path]);
  return path;
}

async function copied(from: Storage, to: Storage, spec: DiskReplicaSpec, wanted = receiving(spec)) {
  expecting = undefined;
  let over = false;
  const came = to.perform['disk.receive']({ do: 'disk.receive', spec: wanted }, quiet, signal);
  const settled = () => {
    over = true;
  };
  came.then(settled, settled);
  while (!over && !expecting) await new Promise((resolve) => setTimeout(resolve, 5));
  await from.perform['disk.send']({ do: 'disk.send', spec: sending(spec) }, quiet, signal).catch(
    () => undefined,
  );
  await came;
  const { disks } = await to.observe();
  return disks.find(({ disk, state }) => disk === spec.disk && state === 'ready')?.path ?? '';
}

const same = async (a: string, b: string) => {
  await run(['qemu-img', 'compare', a, b]);
};

describe.each(['file-qcow2', 'file-raw'] as const)('a %s disk', (template) => {
  test.each(Object.keys(sources))('from %s arrives with all that was written', async (source) => {
    const [from, to] = [storageAt('n1'), storageAt('n2')];
    const spec = specOf(sources[source]?.() ?? { kind: 'blank' }, template);
    const path = await made(from, spec);
    await same(path, await copied(from, to, spec));
    expect((await stat(path)).isFile()).toBe(true);
  });
});

test('an overlay stays one: its base comes along once, checked', async () => {
  const [from, to] = [storageAt('n1'), storageAt('n2')];
  for (const _ of [1, 2]) {
    const spec = specOf(sources['os']?.() as never, 'file-qcow2');
    const source = await made(from, spec);
    const copy = await copied(from, to, spec);
    await same(source, copy);
    expect((await stat(copy)).blocks * 512).toBeLessThan(8 * MiB);
  }
  expect(await readdir(join(dir, 'n2/agent/storage', cluster, 'os-bases'))).toEqual([
    `${digest(baseContent)}.raw`,
  ]);
});

test('the guest’s own files go with its first disk', async () => {
  const [from, to] = [storageAt('n1'), storageAt('n2')];
  const spec = specOf({ kind: 'blank' }, 'file-qcow2');
  await made(from, spec);
  const folder = join(dir, 'n1/agent/guests', instance);
  await mkdir(folder, { recursive: true });
  const hardware = { asked: 'q35', machineType: 'pc-q35-7.2', loader: '/fw.fd', variablesOf: instance };
  await writeFile(
    join(folder, 'record.json'),
    JSON.stringify({ hardware, explanation: [], asked: '<domain/>' }),
  );
  await writeFile(join(folder, 'uefi-variables.fd'), 'boot order');
  await copied(from, to, spec);
  const there = join(dir, 'n2/agent/guests', instance);
  expect(await readFile(join(there, 'uefi-variables.fd'), 'utf8')).toBe('boot order');
  expect(JSON.parse(await readFile(join(there, 'record.json'), 'utf8'))).toEqual({
    hardware,
    explanation: [],
  });
});

test.each([
  [{ file: '../../record.json' }, 'a guest has no file'],
  [{ file: 'console.log' }, 'a guest has no file'],
])('a file of the guest that nobody knows is refused: %j', async (head, words) => {
  const [from, to] = [storageAt('n1'), storageAt('n2')];
  const spec = specOf({ kind: 'blank' }, 'file-qcow2');
  await made(from, spec);
  wire = (shipment) => ({ ...shipment, files: [{ head: { what: 'guest', ...head } }, ...shipment.files] });
  await expect(copied(from, to, spec)).rejects.toThrow(words);
});

describe('from a node in strange hands', () => {
  const evil = async (source: string, change: (shipment: Shipment) => Shipment) => {
    const [from, to] = [storageAt('n1'), storageAt('n2')];
    const spec = specOf(sources[source]?.() as never, 'file-qcow2');
    await made(from, spec);
    wire = change;
    const refused = await copied(from, to, spec).then(
      () => undefined,
      (error: unknown) => error,
    );
    const left = await readdir(join(dir, 'n2/agent/storage', cluster, 'disks')).catch(() => []);
    return { refused, left };
  };
  const disk = (path: string) => (shipment: Shipment) => ({
    ...shipment,
    files: shipment.files.map((file) => (file.head.what === 'disk' ? { ...file, path } : file)),
  });
  const fileOf = async (backing?: string) => {
    const path = join(dir, `evil-${randomUUID()}`);
    const over = backing === undefined ? {} : { backing: { file: backing, format: 'raw' as const } };
    await writeEmptyQcow2(path, { sizeBytes: 64 * MiB, ...over });
    return path;
  };

  test.each(['/etc/shadow', '../bases/../../../../etc/shadow', 'json:{"driver":"raw"}', '../os-bases/x.raw'])(
    'an overlay on %s is refused, and nothing of it stays',
    async (backing) => {
      const path = await fileOf(backing);
      for (const source of ['blank', 'image', 'os'])
        expect(await evil(source, disk(path))).toMatchObject({ refused: { code: 'image_unsafe' }, left: [] });
    },
  );

  test('so are a disk of another size, one without its base, and what is no disk', async () => {
    const small = join(dir, 'small');
    await writeEmptyQcow2(small, { sizeBytes: MiB });
    const text = join(dir, 'text');
    await writeFile(text, 'not a qcow2 file'.repeat(100));
    expect(await evil('blank', disk(small))).toMatchObject({ refused: { code: 'image_unsafe' }, left: [] });
    expect(await evil('blank', disk(text))).toMatchObject({ refused: { code: 'image_unsafe' }, left: [] });
    expect(await evil('image', disk(await fileOf()))).toMatchObject({ refused: { code: 'image_unsafe' } });
  });

  test('a base with another content than its name says is refused', async () => {
    const other = join(dir, 'other');
    await writeFile(other, randomBytes(MiB));
    const { refused, left } = await evil('os', (shipment) => ({
      ...shipment,
      files: shipment.files.map((file) => (file.head.what === 'base' ? { ...file, path: other } : file)),
    }));
    expect(refused).toMatchObject({
      code: 'transfer_failed',
      message: expect.stringContaining('another content'),
    });
    expect(left).toEqual([]);
    expect(await readdir(join(dir, 'n2/agent/storage', cluster, 'os-bases'))).toEqual([]);
  });
});

test('a file system that cannot hold the disk refuses it before a byte comes', async () => {
  const [from, to] = [storageAt('n1'), storageAt('n2', 10 * MiB)];
  const spec = specOf({ kind: 'blank' }, 'file-qcow2');
  await made(from, spec);
  await expect(copied(from, to, spec)).rejects.toMatchObject({ code: 'disk_too_large' });
});

test('what an attempt before had left is thrown away', async () => {
  const [from, to] = [storageAt('n1'), storageAt('n2')];
  const spec = specOf({ kind: 'blank' }, 'file-qcow2');
  const source = await made(from, spec);
  const wanted = receiving(spec);
  const folder = join(dir, 'n2/agent/storage', cluster, 'disks');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${spec.disk}.creating.${wanted.operation}.qcow2`), randomBytes(100));
  await same(source, await copied(from, to, spec, wanted));
  expect(await readdir(folder)).toEqual([`${spec.disk}.ready.${'0'.repeat(16)}.qcow2`]);
});

describe('a disk of the same id that is left from another age', () => {
  const leftover = async (name: string) => {
    const [from, to] = [storageAt('n1'), storageAt('n2')];
    const spec = specOf({ kind: 'blank' }, 'file-qcow2');
    const source = await made(from, spec);
    const folder = join(dir, 'n2/agent/storage', cluster, 'disks');
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${spec.disk}.${name}.qcow2`);
    await writeFile(path, 'data of somebody');
    return { from, to, spec, source, folder, path };
  };

  test.each(['ready', `ready.${'1'.repeat(16)}`])('%s: nothing is taken in, and it stays', async (name) => {
    const { from, to, spec, path } = await leftover(name);
    await expect(copied(from, to, spec)).rejects.toMatchObject({ code: 'disk_in_the_way' });
    const gone = { ...receiving(spec), desired: 'absent' as const };
    await to.perform['disk.remove']({ do: 'disk.remove', spec: gone }, quiet, signal);
    expect(await readFile(path, 'utf8')).toBe('data of somebody');
  });

  test('moved away, the disk comes; taken in twice it is the same, and goes with its tombstone', async () => {
    const { from, to, spec, source, folder, path } = await leftover('ready');
    await rm(path);
    const wanted = receiving(spec);
    const copy = await copied(from, to, spec, wanted);
    await same(source, copy);
    await to.perform['disk.receive']({ do: 'disk.receive', spec: wanted }, quiet, signal);
    const { receive: _, ...restored } = wanted;
    await to.perform['disk.grow'](
      { do: 'disk.grow', spec: { ...restored, sizeBytes: 65 * MiB } },
      quiet,
      signal,
    );
    expect((await to.observe()).disks).toMatchObject([{ path: copy, sizeBytes: 65 * MiB }]);
    const gone = { ...wanted, desired: 'absent' as const };
    await to.perform['disk.remove']({ do: 'disk.remove', spec: gone }, quiet, signal);
    expect(await readdir(folder)).toEqual([]);
  });
});
