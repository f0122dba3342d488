/** The kernel's command line for guests that boot the node's kernel. */
import type { Boot } from '@gantry/model';

/** ttyS0 is the serial console; with these names NICs are eth0, eth1... in their order, whatever the machine type. */
const COMMON = ['console=ttyS0', 'net.ifnames=0', 'quiet'];

/**
 * Time by QEMU's power management timer in place of the TSC, whose frequency the guest's kernel measures by the PIT. On a
 * node with much else to do it often finds a fifth of the real one (Linux 6.1, QEMU 7.2: of five boots one, at a load of 30
 * on two cores): time ran five times too fast then, and what systemd waited for had no chance to come.
 */
const CLOCK = 'clocksource=acpi_pm';

/**
 * Less work at boot under emulation, where nothing protects the guest's memory from its host's caches anyway
 * (0.5 s of 2 s measured with Linux 6.1 and QEMU 7.2). Not under KVM: there the mitigations do protect.
 */
const EMULATED = [
  'mitigations=off',
  'nokaslr',
  'no_timer_check',
  'cryptomgr.notests',
  'audit=0',
  'selinux=0',
  'apparmor=0',
  '8250.nr_uarts=1',
  CLOCK,
];

export function kernelArgs(boot: Boot, accelerator: 'kvm' | 'tcg'): string {
  const root = boot.root ?? '/dev/vda';
  // The user's come last, so that they win.
  const words = [
    ...COMMON,
    ...(accelerator === 'tcg' ? EMULATED : []),
    `root=${root}`,
    'rw',
    boot.args ?? '',
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** No root: /init says its line and powers off. */
export const selftestArgs = (accelerator: 'kvm' | 'tcg'): string =>
  ['console=ttyS0', 'quiet', 'panic=-1', ...(accelerator === 'tcg' ? EMULATED : [])].join(' ');
