/** Everything slow, beforehand: the kernel for guests, an OS provider's base, the accelerator's test. Prints the latter as JSON. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskReplicaSpec, OsSource } from '@gantry/model';
import { systemEnv } from './host/clock.ts';
import { kvmTest } from './node-host.ts';
import { createNodeOs } from './os/create-os.ts';

const nil = '00000000-0000-0000-0000-000000000000' as never;

/** @param what `debootstrap+bookworm` */
export async function prepare(
  what: string,
  { state, cache }: { state: string; cache: string },
  signal: AbortSignal,
): Promise<void> {
  const env = systemEnv();
  await mkdir(join(state, 'agent'), { recursive: true, mode: 0o711 });
  const os = createNodeOs({ cacheDir: cache, now: env.clock.now, uuid: env.uuid });
  const [provider = '', variant] = what.split('+');
  await os.providers.content(
    specOf({ provider, ...(variant ? { variant } : {}) }),
    (level, text) => say(level, text),
    signal,
  );
  const accelerator = await kvmTest({ stateDir: state, env, os, signal }).result();
  process.stdout.write(`${JSON.stringify(accelerator)}\n`);
}

const say = (level: string, text: string): void => {
  if (level !== 'output') process.stderr.write(`  ${text}\n`);
};

/** A disk that is never made: only its content is obtained. */
const specOf = (os: OsSource): DiskReplicaSpec => ({
  what: 'disk',
  node: nil,
  cluster: nil,
  disk: nil,
  operation: nil,
  desired: 'present',
  template: 'file-qcow2',
  sizeBytes: 2 ** 30,
  source: { kind: 'os', os },
  os: { instance: 'prepared', vcpus: 1, memoryMiB: 128, nics: [], personality: {}, clusterParameters: {} },
});
