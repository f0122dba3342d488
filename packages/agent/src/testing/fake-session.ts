/** A session of the agent with a fake libvirtd, on a socket in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type FakeHypervisor,
  type FakeLibvirtd,
  fakeHypervisor,
  startFakeLibvirtd,
} from '@gantry/libvirt/testing';
import { createSession, type Session } from '../guests/session.ts';
import { ids } from './assignments.ts';

export interface FakeSession {
  dir: string;
  fake: FakeLibvirtd;
  hypervisor: FakeHypervisor;
  session: Session;
  end(): Promise<void>;
}

export async function fakeSession(clock: Parameters<typeof createSession>[0]['clock']): Promise<FakeSession> {
  const dir = await mkdtemp(join(tmpdir(), 'session-'));
  const hypervisor = fakeHypervisor(
    (event) => fake.emit(event),
    () => ids.node,
  );
  const fake: FakeLibvirtd = await startFakeLibvirtd(join(dir, 'sock'), hypervisor.handlers);
  const socket = fake.socketPath;
  const session = createSession({ uri: 'qemu:///system', socket, clock, log: () => undefined });
  const end = async () => {
    await session.close();
    await fake.stop();
    await rm(dir, { recursive: true });
  };
  return { dir, fake, hypervisor, session, end };
}

/** The domain of the guest of the samples, as its definition marks it ours. */
export const markedXml = (devices = ''): string => `<domain type='qemu'><name>web1</name>
  <uuid>${ids.instance}</uuid><memory>1048576</memory><metadata>
  <g:guest xmlns:g='https://gantry.invalid/xmlns/guest/1'><g:cluster>${ids.cluster}</g:cluster>
  <g:instance>${ids.instance}</g:instance><g:epoch incarnation='1' number='1'/><g:name>web1</g:name></g:guest></metadata>
  ${devices}</domain>`;
