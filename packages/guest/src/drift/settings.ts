/** When a guest gets a setting that is changed while it is up: by what Gantry does, and the drift’s table where it does nothing. */
import { type Application, application } from './applies.ts';

/** Of the domain: what the setting ends up in. */
const elements: Readonly<Record<string, string>> = {
  vcpus: '/domain/vcpu',
  memory: '/domain/memory',
  maxVcpus: '/domain/vcpu',
  maxMemory: '/domain/memory',
  cpuMode: '/domain/cpu',
  cpuModel: '/domain/cpu',
  cpuFlags: '/domain/cpu',
  cpuEnforce: '/domain/cpu',
  machineType: '/domain/os',
  boot: '/domain/os',
  bootOrder: '/domain/devices/disk/boot',
  hotplugPorts: '/domain/devices/controller',
  diskCache: '/domain/devices/disk/driver/@cache',
};

const judged: Application = {
  applies: 'live',
  why: 'the agent goes by it as soon as the guest ends, or is to be stopped',
};

/** `value` is what holds from now on. */
export function settingApplies(setting: string, value: unknown): Application {
  const path = elements[setting];
  if (path !== undefined) return application(path, 'changed');
  switch (setting) {
    case 'onReboot':
      if (value !== 'stop') return judged;
      return { applies: 'next-start', why: 'a QEMU that was started to reboot by itself does so' };
    case 'onPoweroff':
    case 'onCrash':
    case 'startOnBoot':
    case 'stopTimeoutMs':
      return judged;
    case 'confirmResizeAfterMs':
      return { applies: 'live', why: 'the next resize goes by it' };
    default:
      return { applies: 'next-start', why: 'the guest’s hardware is made when QEMU starts' };
  }
}
