/** disk.create with an OS provider in a process of its own (create-disk.ts), which can be killed like an agent. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DiskReplicaSpec, OsContext } from '@gantry/model';
import { lineSplitter } from '../../../packages/agent/src/process/lines.ts';
import { diskSpec } from './storage-conformance.ts';

const SCRIPT = fileURLToPath(new URL('create-disk.ts', import.meta.url));

export const osDisk = (
  provider: string,
  parameters: Record<string, string> = {},
  more: Partial<DiskReplicaSpec> = {},
): DiskReplicaSpec => {
  const context: OsContext = {
    instance: 'hello',
    vcpus: 1,
    memoryMiB: 512,
    nics: [],
    personality: {},
    clusterParameters: {},
  };
  const source = { kind: 'os', os: { provider, parameters } } as const;
  return diskSpec({ sizeBytes: 2 * 2 ** 30, source, os: context, ...more });
};

export interface Creation {
  pid: number;
  log: string[];
  /** Resolves when a log line matches. */
  said(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  result: Promise<{ outcome?: { allocatedBytes: number }; error?: { code?: string; message: string } }>;
}

export function createDisk(
  stateDir: string,
  cacheDir: string,
  spec: DiskReplicaSpec,
  before: string[] = [],
): Creation {
  const argv = [...before, process.execPath, SCRIPT, stateDir, cacheDir, JSON.stringify(spec)];
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const log: string[] = [];
  let last: Awaited<Creation['result']> = { error: { message: 'it said nothing' } };
  const waiting: { pattern: RegExp; go: (line: string) => void }[] = [];
  const lines = lineSplitter((line) => {
    if (!line.startsWith('{"log"')) {
      last = JSON.parse(line) as typeof last;
      return;
    }
    const text = (JSON.parse(line) as { log: string }).log;
    log.push(text);
    for (const { pattern, go } of waiting) if (pattern.test(text)) go(text);
  });
  child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
  const result = once(child, 'close').then(() => {
    lines.end();
    return last;
  });
  return {
    pid: child.pid ?? 0,
    log,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        waiting.push({ pattern, go: resolve });
        const found = log.find((line) => pattern.test(line));
        if (found) resolve(found);
        void result.then((end) =>
          reject(new Error(`it ended before it said ${pattern}: ${JSON.stringify(end)}`)),
        );
      }),
    kill: (signal) => void child.kill(signal),
    result,
  };
}

/** Command lines of living processes that name a path. */
export const processesNaming = (path: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(path) ? [line] : [];
      } catch {
        return [];
      }
    });

export const mountsNaming = (path: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(path));
