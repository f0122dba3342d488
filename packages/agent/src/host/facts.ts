/** What this machine is, and what of it is free. From /proc where libvirt counts otherwise (one NUMA node's memory). */
import { readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { hostname, machine, release } from 'node:os';
import {
  type Accelerator,
  type NodeFacts,
  type NodeHardware,
  type NodeStatus,
  type TransferPort,
  version,
} from '@gantry/model';
import { ProcessError, type Run, run as runProgram } from '../process/run.ts';
import { parseMeminfo } from './meminfo.ts';

/** What the hypervisor says of itself; what it does not say is left out. */
export type HypervisorFacts = Pick<NodeFacts, 'libvirtVersion' | 'qemuVersion' | 'machineTypes'>;

export interface FactsSources {
  hypervisor(): Promise<HypervisorFacts>;
  /** What it can do for guests; undefined where libvirt cannot be asked. */
  hardware(): Promise<NodeHardware | undefined>;
  /** The result of the self-test; waited for. */
  accelerator(): Promise<Accelerator>;
  /** What this agent understands: assignment fields, drivers, OS providers. */
  capabilities: readonly string[];
  /** Where it takes disks of other nodes. */
  transfer?: TransferPort | undefined;
}

export async function nodeFacts(sources: FactsSources): Promise<NodeFacts> {
  const [cpu, memory, hypervisor, accelerator, hardware] = await Promise.all([
    readFile('/proc/cpuinfo', 'utf8').then(parseCpuinfo),
    readFile('/proc/meminfo', 'utf8').then(parseMeminfo),
    sources.hypervisor(),
    sources.accelerator(),
    sources.hardware(),
  ]);
  return {
    hostname: hostname(),
    ...(await machineFact()),
    architecture: machine(),
    ...cpu,
    memoryMiB: memory.totalMiB,
    kernel: release(),
    ...hypervisor,
    accelerator,
    ...(hardware ? { hardware } : {}),
    ...(sources.transfer ? { transfer: sources.transfer } : {}),
    agentVersion: version,
    capabilities: [...sources.capabilities],
  };
}

/** `free` is what programs could get without swapping (MemAvailable), storage what is free for others than root. */
export async function nodeGauges(
  storage: readonly { name: string; path: string }[],
): Promise<Required<Pick<NodeStatus, 'storage' | 'memoryFreeMiB'>>> {
  const [memory, ...spaces] = await Promise.all([
    readFile('/proc/meminfo', 'utf8').then(parseMeminfo),
    ...storage.map(async ({ name, path }) => {
      const { blocks, bavail, bsize } = await statfs(path);
      return { name, path, totalBytes: blocks * bsize, freeBytes: bavail * bsize };
    }),
  ]);
  return { storage: spaces, memoryFreeMiB: memory.availableMiB };
}

/** The lasting id of this machine (machine-id(5)); undefined where the system has none. */
export const machineId = (): Promise<string | undefined> =>
  readFile('/etc/machine-id', 'utf8').then(
    (text) => /^[0-9a-f]{32}$/m.exec(text)?.[0],
    () => undefined,
  );

async function machineFact(): Promise<Pick<NodeFacts, 'machine'>> {
  const machine = await machineId();
  return machine ? { machine } : {};
}

/** New with every boot of the kernel. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Logical CPUs and the model of the first; other architectures than x86 do not name it. */
export function parseCpuinfo(text: string): { cpus: number; cpuModel: string } {
  return {
    cpus: text.match(/^processor\s*:/gm)?.length ?? 0,
    cpuModel: /^model name\s*: (.*)$/m.exec(text)?.[1]?.trim() ?? 'unknown',
  };
}

/** QEMU by its own command: for what libvirt has not told. Empty when QEMU is not installed. */
export async function qemuFacts(binary: string, run: Run = runProgram): Promise<HypervisorFacts> {
  try {
    const [said, machines] = await Promise.all([
      run([binary, '--version']),
      run([binary, '-machine', 'help']),
    ]);
    const qemuVersion = parseQemuVersion(said.stdout);
    return { ...(qemuVersion ? { qemuVersion } : {}), machineTypes: parseMachines(machines.stdout) };
  } catch (error) {
    if (error instanceof ProcessError && error.reason === 'not-found') return {};
    throw error;
  }
}

/** "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)" to "7.2.22". */
export const parseQemuVersion = (text: string): string | undefined =>
  /^QEMU emulator version (\d+(?:\.\d+)*)/.exec(text)?.[1];

/** First words of the lines after the heading. */
export const parseMachines = (text: string): string[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line) => /^(\S+) /.exec(line)?.[1] ?? [])
    .filter((name) => name !== 'none');
