/**
 * What the API asks before it makes an instance: would this flavor, image and policy come to a guest on a node that has
 * everything? Only what depends on a node may be refused later, and then by placement.
 */
import { err, isGantryError, roomOf } from '@gantry/model';
import { buildDomain } from './compile.ts';
import type { HostFacts } from './host-facts.ts';
import { builtin } from './origin.ts';
import { gantryProfile } from './profiles.ts';
import { type Combination, checkGuest } from './specs/check.ts';
import { diskBusFrom } from './specs/disk.ts';
import { encryptionOn } from './specs/encryption.ts';
import { machineFrom } from './specs/machine.ts';
import { portCount } from './specs/serial.ts';
import { readSettings, type Settings, wordOf } from './specs/settings.ts';
import type { Wanted } from './wanted.ts';

/**
 * Flavor, image and policies together.
 * @throws GantryError of the first thing that is wrong with them
 */
export function checkCombination(wanted: Combination): void {
  const settings = readSettings(wanted, gantryProfile);
  checkGuest(settings, wanted);
  try {
    portCount(settings);
    buildDomain(onPaper(settings, wanted));
  } catch (error) {
    // No node is at fault, and none will do better.
    if (isGantryError(error, 'guest_refused')) throw err('settings_refused', error.params, error);
    throw error;
  }
}

const onPaper = (settings: Settings, combination: Combination): Wanted => {
  const { vcpus, memoryMiB = 512 } = combination;
  const host = completeHost(wordOf<string>(settings, 'image', 'hw_architecture')?.value ?? 'x86_64');
  const node = { ...settings.profile.node, sharedCpus: [0] };
  const machine = machineFrom(settings, host, node);
  const origin = builtin('check', 'a guest on paper');
  return {
    settings,
    vcpus,
    memoryMiB,
    ...roomOf(combination),
    host,
    node,
    machine,
    identity: { uuid: '', name: '', consoleLog: '', agentSocket: '', vncSocket: '' },
    boot: { kind: 'disk', devices: ['hd'], origin },
    disks: [
      {
        device: 'disk',
        source: { type: 'file', path: '' },
        format: 'qcow2',
        bus: diskBusFrom(settings),
        name: 'vda',
        local: true,
        origin,
      },
    ],
    nics: [{ mac: '', source: { type: 'bridge', bridge: '' }, limited: true, origin }],
    pciDevices: [],
    lifecycle: [],
    encrypted: encryptionOn(settings, host, machine.type.value),
  };
};

const completeHost = (architecture: string): HostFacts => ({
  architecture,
  accelerator: 'kvm',
  machineAliases: {},
  directIo: true,
  uefi: true,
  secureBoot: true,
  lacks: {},
  sev: { cbitPosition: 51, reducedPhysBits: 1 },
  overcommit: { cpu: 1, memory: 1 },
});
