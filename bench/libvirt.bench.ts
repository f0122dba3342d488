/**
 * The libvirt client beside python3-libvirt and spawned virsh: one private libvirtd, one run, the same stopped domain.
 * Needs root, libvirt and python3-libvirt.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import { connect, type Domain, type LibvirtClient, type StorageVol } from '@gantry/libvirt';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../test/lab/private-libvirtd.ts';
import { tinyGuestXml, writeTinyGuest } from '../test/lab/tiny-guest.ts';
import { openCeiling } from './server-ceiling.ts';

const run = promisify(execFile);
/** Short rounds and many: the machine's moods then meet all who are compared. */
const CALLS = 2_000;
const CALL_ROUNDS = 25;
const ROUNDS = 5;
const IN_FLIGHT = 1_000;
/** Times python's rate, sought with calls in flight. */
const IN_FLIGHT_WANTED = 2.5;
const IDLE = 500;
const VOLUME_MIB = 512;
const KINDS = ['version', 'info', 'xml'] as const;
type Kind = (typeof KINDS)[number];

const PYTHON = `
import libvirt, sys, time
conn = libvirt.open(sys.argv[1])
dom = conn.lookupByUUIDString(sys.argv[2])
calls = {'version': conn.getLibVersion, 'info': dom.info, 'xml': dom.XMLDesc}
for line in sys.stdin:
    name, count = line.split()
    call = calls[name]
    began = time.perf_counter()
    for _ in range(int(count)):
        call()
    print(time.perf_counter() - began, flush=True)
`;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`.padStart(10);

/** python3-libvirt in a process of its own, told by lines what to time. */
function startPython(uri: string, uuid: string) {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    '/usr/bin/python3',
    ['-c', PYTHON, uri, uuid],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async perSecond(kind: Kind, count: number): Promise<number> {
      child.stdin.write(`${kind} ${count}\n`);
      return count / Number((await lines.next()).value);
    },
    stop: () => child.stdin.end(),
  };
}

const callOf = (lv: LibvirtClient, dom: Domain): Record<Kind, () => Promise<unknown>> => ({
  version: () => lv.connectGetLibVersion(),
  info: () => lv.domainGetInfo({ dom }),
  xml: () => lv.domainGetXmlDesc({ dom }),
});

async function inSequence(call: () => Promise<unknown>, count: number): Promise<number> {
  const began = performance.now();
  for (let index = 0; index < count; index++) await call();
  return (count / (performance.now() - began)) * 1_000;
}

async function inFlight(call: () => Promise<unknown>, count: number): Promise<number> {
  const began = performance.now();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (count / (performance.now() - began)) * 1_000;
}

async function virsh(uri: string, kind: Kind, name: string): Promise<number> {
  const args = { version: ['version'], info: ['dominfo', name], xml: ['dumpxml', name] }[kind];
  const began = performance.now();
  for (let index = 0; index < 10; index++) await run('virsh', ['-q', '-c', uri, ...args]);
  return 10_000 / (performance.now() - began);
}

async function calls(lv: LibvirtClient, dom: Domain, socketPath: string, uri: string): Promise<void> {
  const python = startPython(uri, dom.uuid);
  const ceiling = await openCeiling(socketPath, dom);
  console.log(
    `calls, medians of ${CALL_ROUNDS} rounds of ${CALLS}; in flight: ${IN_FLIGHT}; ratios are to python`,
  );
  console.log(
    "          python      ours        ratio   in flight   ratio   server's ceiling  ratio   spawned virsh",
  );
  for (const kind of KINDS) {
    const call = callOf(lv, dom)[kind];
    const [ours, theirs, many, most]: [number[], number[], number[], number[]] = [[], [], [], []];
    await Promise.all([inSequence(call, CALLS), inFlight(call, CALLS), python.perSecond(kind, 100)]);
    // Turn by turn: whatever else the machine does meets all four.
    for (let round = 0; round < CALL_ROUNDS; round++) {
      ours.push(await inSequence(call, CALLS));
      theirs.push(await python.perSecond(kind, CALLS));
      many.push(await inFlight(call, CALLS * 2));
      most.push(await ceiling.perSecond(kind, CALLS * 2, IN_FLIGHT));
    }
    const base = median(theirs);
    const beside = (values: readonly number[]): string =>
      `${rate(median(values))}  ${(median(values) / base).toFixed(2).padStart(6)}`;
    console.log(
      `${kind.padEnd(8)}${rate(base)}  ${beside(ours)}  ${beside(many)}        ${beside(most)}  ${rate(await virsh(uri, kind, dom.name))}`,
    );
    const limit = median(most) / base;
    if (limit < IN_FLIGHT_WANTED)
      console.log(
        `        ${IN_FLIGHT_WANTED} times python's rate is out of reach here: the server itself ends at ${limit.toFixed(2)}`,
      );
  }
  ceiling.close();
  python.stop();
}

async function events(lv: LibvirtClient, dom: Domain): Promise<void> {
  const loop = lv.domainEvents(['metadataChange'], { dom });
  await loop.ready;
  const times: number[] = [];
  for (let index = 0; index < 200; index++) {
    const began = performance.now();
    const call = lv.domainSetMetadata({ dom, type: 1, metadata: `title ${index}`, flags: 2 });
    await loop.next();
    times.push(performance.now() - began);
    await call;
  }
  await loop.return?.();
  const sorted = times.toSorted((a, b) => a - b);
  console.log(
    `event: set a title, see its event: median ${median(times).toFixed(2)} ms, p99 ${sorted[197]?.toFixed(2)} ms`,
  );
}

async function volume(lv: LibvirtClient, libvirtd: PrivateLibvirtd, uri: string): Promise<void> {
  await libvirtd.exec(['mkdir', '-p', '/var/lib/libvirt/pool']);
  const pool = await lv.storagePoolCreateXml({
    xml: "<pool type='dir'><name>p</name><target><path>/var/lib/libvirt/pool</path></target></pool>",
  });
  const bytes = VOLUME_MIB * 2 ** 20;
  const xml = `<volume><name>v</name><capacity>${bytes}</capacity><target><format type='raw'/></target></volume>`;
  const vol = await lv.storageVolCreateXml({ pool, xml });
  await libvirtd.exec([
    'dd',
    'if=/dev/urandom',
    'of=/var/lib/libvirt/pool/v',
    'bs=1M',
    `count=${VOLUME_MIB}`,
    'conv=notrunc',
    'status=none',
  ]);
  const [ours, theirs, own]: [number[], number[], number[]] = [[], [], []];
  await download(lv, vol, bytes, iterated);
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await download(lv, vol, bytes, iterated));
    own.push(await download(lv, vol, bytes, intoOwnBuffer));
    const began = performance.now();
    await run('virsh', ['-q', '-c', uri, 'vol-download', '--pool', 'p', 'v', '/dev/null']);
    theirs.push((VOLUME_MIB / (performance.now() - began)) * 1_000);
  }
  const [a, b, c] = [median(ours), median(own), median(theirs)];
  console.log(`volume of ${VOLUME_MIB} MiB down: virsh vol-download ${c.toFixed(0)} MiB/s`);
  console.log(`  for await ${a.toFixed(0)} MiB/s, ratio ${(a / c).toFixed(2)}`);
  console.log(`  into the reader's own buffer ${b.toFixed(0)} MiB/s, ratio ${(b / c).toFixed(2)}`);
}

type Drain = (readable: ReadableStream<Uint8Array>) => Promise<number>;

async function download(lv: LibvirtClient, vol: StorageVol, bytes: number, drain: Drain): Promise<number> {
  const began = performance.now();
  const { readable } = await lv.storageVolDownload({ vol, offset: 0, length: bytes });
  const got = await drain(readable);
  if (got !== bytes) throw new Error(`${got} bytes of ${bytes} arrived`);
  return (VOLUME_MIB / (performance.now() - began)) * 1_000;
}

async function iterated(readable: ReadableStream<Uint8Array>): Promise<number> {
  let got = 0;
  for await (const chunk of readable) got += chunk.length;
  return got;
}

/** As virsh reads. */
async function intoOwnBuffer(readable: ReadableStream<Uint8Array>): Promise<number> {
  const reader = readable.getReader({ mode: 'byob' });
  let buffer = new Uint8Array(256 * 1024);
  for (let got = 0; ; ) {
    const { done, value } = await reader.read(buffer);
    if (done) return got;
    got += value.length;
    buffer = new Uint8Array(value.buffer);
  }
}

/** Of the process, after a collection where the collector was made available. */
function residentKiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1_024;
}

async function idle(uri: string): Promise<void> {
  const before = residentKiB();
  const all: LibvirtClient[] = [];
  for (let index = 0; index < IDLE; index++) all.push(await connect(uri));
  const each = (residentKiB() - before) / IDLE;
  console.log(`idle connection: ${each.toFixed(1)} KiB each (RSS, ${IDLE} of them)`);
  await Promise.all(all.map((lv) => lv.close()));
}

async function reconnections(uri: string): Promise<void> {
  const times: number[] = [];
  for (let index = 0; index < 200; index++) {
    const began = performance.now();
    const lv = await connect(uri);
    times.push(performance.now() - began);
    await lv.close();
  }
  console.log(`connect and open: median ${median(times).toFixed(2)} ms`);
}

const dir = await mkdtemp(join(tmpdir(), 'lvb-'));
await chmod(dir, 0o755);
const libvirtd = await startPrivateLibvirtd({
  dir: join(dir, 'node'),
  libvirtdConf: ['max_clients = 1000', 'max_anonymous_clients = 1000'],
});
try {
  const uri = `qemu+unix:///system?socket=${libvirtd.socketPath}`;
  await using lv = await connect(uri);
  await writeTinyGuest(join(dir, 'node', 'lib', 'tiny.img'));
  const xml = tinyGuestXml({ name: 'bench', uuid: randomUUID(), disk: '/var/lib/libvirt/tiny.img' });
  const dom = await lv.domainDefineXmlFlags({ xml });
  // First, while the process is small: later ones find room that others left.
  await idle(uri);
  await volume(lv, libvirtd, uri);
  await calls(lv, dom, libvirtd.socketPath, uri);
  await events(lv, dom);
  await reconnections(uri);
} finally {
  await libvirtd.stop();
  await rm(dir, { recursive: true, force: true });
}
