import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coveragePage } from '../../../tools/libvirt-coverage.ts';
import type { FakeStreamPeer } from '../src/testing/fake-session.ts';
import {
  createAuthority,
  type FakeLibvirtd,
  fakeHypervisor,
  startFakeLibvirtd,
} from '../src/testing/index.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NODE_MS = 120_000;

let dir: string;
let fake: FakeLibvirtd;
let tls: Server;
let happenings: NodeJS.Timeout;

const WEB = "<domain type='qemu'><name>web</name><uuid>5d0ec2f5-7d3b-4c2e-9a53-0f2b8f6f4d11</uuid></domain>";
const dom = { name: 'web', uuid: '5d0ec2f5-7d3b-4c2e-9a53-0f2b8f6f4d11', id: 1 };

/** A server for all examples: domains with a life, a volume, events all the time, and an account. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'docs-'));
  const hypervisor = fakeHypervisor((event) => fake.emit(event), randomUUID);
  const sasl = { accounts: { nova: 'XYZ' } };
  fake = await startFakeLibvirtd(join(dir, 's'), hypervisor.handlers, { sasl });
  fake.on('connectGetUri', () => 'qemu:///system');
  fake.on('storageVolLookupByPath', () => ({ pool: 'p', name: 'web.img', key: '/web.img' }));
  fake.on('storageVolUpload', () => ({}));
  fake.on('storageVolDownload', ({ flags }) => ({
    open(peer: FakeStreamPeer) {
      peer.send(Buffer.from('data'));
      if (flags === 1) peer.sendHole(2 ** 40);
      peer.end();
    },
  }));
  await hypervisor.handlers.domainCreateXml?.({ xmlDesc: WEB, flags: 0 });
  happenings = setInterval(() => {
    for (const event of [2, 5]) fake.emit({ kind: 'lifecycle', dom, event, detail: 0 });
  }, 50);
  await writeFile(join(dir, 'web.img'), Buffer.alloc(100_000));
  await writeFile(join(dir, 'ssh'), `#!/bin/sh\nexec nc -U ${join(dir, 's')}\n`, { mode: 0o755 });
  await startTls();
});

afterAll(async () => {
  clearInterval(happenings);
  await fake.stop();
  tls.close();
  await rm(dir, { recursive: true });
});

async function startTls(): Promise<void> {
  const authority = createAuthority('docs');
  const server = authority.issue('localhost', ['localhost']);
  const client = authority.issue('client');
  await mkdir(join(dir, 'pki'));
  await writeFile(join(dir, 'pki', 'cacert.pem'), authority.ca);
  await writeFile(join(dir, 'pki', 'clientcert.pem'), client.cert);
  await writeFile(join(dir, 'pki', 'clientkey.pem'), client.key);
  tls = createServer({ ...server, ca: authority.ca, requestCert: true }, (socket: TLSSocket) => {
    socket.write(Buffer.from([1]));
    fake.accept(socket);
  });
  await new Promise<void>((resolve) => tls.listen(0, 'localhost', resolve));
}

/** The example with our server in place of everybody's. */
function aimed(program: string): string {
  const port = (tls.address() as AddressInfo).port;
  return program
    .replaceAll(/'qemu:\/\/\/system'(?!, \{ socket)/g, `'qemu:///system?socket=${join(dir, 's')}'`)
    .replaceAll(
      'qemu+tls://node2.example/system',
      `qemu+tls://localhost:${port}/system?pkipath=${join(dir, 'pki')}`,
    )
    .replaceAll(
      'qemu+ssh://root@node3.example/system',
      `qemu+ssh://root@node3.example/system?command=${join(dir, 'ssh')}`,
    )
    .replaceAll("'@gantry/libvirt/testing'", JSON.stringify(join(ROOT, 'src/testing/index.ts')))
    .replaceAll("'@gantry/libvirt'", JSON.stringify(join(ROOT, 'src/index.ts')));
}

const pages = ['README.md', ...(await readdir(join(ROOT, 'docs'))).map((name) => `docs/${name}`)];
const examples = (
  await Promise.all(
    pages.map(async (page) => {
      const text = await readFile(join(ROOT, page), 'utf8');
      return [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, program = ''], index) => ({
        title: `${page}, program ${index + 1}`,
        program,
      }));
    }),
  )
).flat();

describe('the programs on the pages run', () => {
  test('every page but the table has one', () => {
    const without = pages.filter((page) => !examples.some(({ title }) => title.startsWith(`${page},`)));
    expect(without).toEqual(['docs/coverage.md']);
  });

  test('the first has ten lines', () => {
    expect(examples[0]?.program.trim().split('\n').length).toBeLessThanOrEqual(10);
  });

  test.each(examples)('$title', { timeout: NODE_MS }, async ({ program }) => {
    const file = join(dir, `${randomUUID()}.ts`);
    await writeFile(file, aimed(program));
    const accounts =
      '[credentials-nova]\nauthname=nova\npassword=XYZ\n[auth-libvirt-default]\ncredentials=nova\n';
    await writeFile(join(dir, 'auth.conf'), program.includes('credentials:') ? '' : accounts);
    const env = { ...process.env, LIBVIRT_AUTH_FILE: join(dir, 'auth.conf'), TMPDIR: dir };
    const { stdout } = await run(process.execPath, [file], { cwd: dir, env, timeout: NODE_MS });
    expect(stdout).not.toBe('');
  });
});

test('the table of coverage is current', async () => {
  expect(await readFile(join(ROOT, 'docs/coverage.md'), 'utf8')).toBe(coveragePage());
});
