/** Findings as conditions of the guest: what, why, remedy. */
import { rngMeaning } from '@gantry/guest';
import type { Condition, GuestInput } from '@gantry/model';
import type { Finding, Trouble } from './recogniser.ts';

/** What holds when all is well. */
const types: Record<Trouble, string> = {
  entropy: 'EntropyReady',
  panic: 'KernelRuns',
  emergency: 'BootsNormally',
  'no-boot-disk': 'BootDiskFound',
};

export function conditionOf(finding: Finding, input: GuestInput, since: string): Condition {
  return {
    type: types[finding.trouble],
    status: 'false',
    reason: finding.reason,
    message: `${finding.detail}. ${remedies[finding.trouble](input)}`.slice(0, 1024),
    since,
  };
}

const remedies: Record<Trouble, (input: GuestInput) => string> = {
  entropy: ({ name, extraSpecs }) =>
    `It has ${sourceOf(extraSpecs)}. Allow more with \`gantry flavor set FLAVOR --rng 1K/1s\` (or --rng on) and make ${name} anew from that flavor: an instance keeps the settings it was made with.`,
  panic: ({ name }) =>
    `\`gantry logs ${name}\` has the whole of it; start it with another kernel or repair its disk, then \`gantry instance reset ${name}\`.`,
  emergency: ({ name }) =>
    `Its boot stopped at a shell: \`gantry console ${name}\` is that shell; often a file system in /etc/fstab is missing.`,
  'no-boot-disk': ({ name, boot }) =>
    boot.kernel === 'disk'
      ? `The firmware found nothing to boot on its disks: import an image with a boot loader, or create ${name} anew with --kernel node.`
      : 'The firmware went past its kernel and found no disk to boot.',
};

function sourceOf(specs: Readonly<Record<string, string>>): string {
  if (/^(false|no|off|f|n|0)$/i.test(specs['hw_rng:allowed'] ?? 'true'))
    return 'no entropy source (hw_rng:allowed=false)';
  const [bytes, periodMs] = [
    Number(specs['hw_rng:rate_bytes'] ?? 0),
    Number(specs['hw_rng:rate_period'] ?? 0),
  ];
  return bytes > 0 && periodMs > 0
    ? `an entropy source of ${rngMeaning(bytes, periodMs)}`
    : 'an entropy source without limit, so its kernel may lack the driver (virtio-rng)';
}
