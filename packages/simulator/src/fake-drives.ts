/** CD drives of fake guests, and what lies in them. */
import type { PluggedSpec } from '@gantry/agent';
import { err, type GuestSpec } from '@gantry/model';
import type { FakeDomain, FakeNode } from './fake-node.ts';

/** Those that a start brings. @throws GantryError `guest_refused` where an image is not on the node */
export function drivesOf(node: FakeNode, { input }: GuestSpec): FakeDomain['drives'] {
  for (const { media } of input.cds ?? []) requireMedia(node, media?.sha256);
  return new Map(input.cds?.map(({ slot, media }) => [slot, media?.sha256]));
}

function requireMedia({ bases }: FakeNode, sha256: string | undefined): void {
  if (sha256 !== undefined && !bases.has(sha256))
    throw err('guest_refused', { why: `image ${sha256} is not on this node` });
}

export function plugDrive(domain: FakeDomain | undefined, { input, plug: { cd } }: PluggedSpec): void {
  if (cd === undefined || !domain || domain.state === 'shutoff') return;
  domain.drives.set(cd, input.cds?.find(({ slot }) => slot === cd)?.media?.sha256);
}

/** A stubborn guest keeps its tray locked. */
export function changeMedium(node: FakeNode, { instance, input, plug: { cd, force } }: PluggedSpec): void {
  const domain = node.domains.get(instance);
  if (!domain || domain.state === 'shutoff' || cd === undefined || !domain.drives.has(cd)) return;
  const sha256 = input.cds?.find(({ slot }) => slot === cd)?.media?.sha256;
  requireMedia(node, sha256);
  if (node.stubborn.has(instance) && !force && domain.drives.get(cd) !== sha256)
    throw err('tray_locked', { name: domain.name, cd, device: 'sdaa' });
  domain.drives.set(cd, sha256);
}

export function resume(node: FakeNode, instance: string): void {
  const domain = node.domains.get(instance);
  if (domain?.state !== 'paused') return;
  Object.assign(domain, { state: 'running', reason: 'unpaused' });
  const start = node.starts.findLast((one) => one.instance === instance);
  if (start?.once) start.letRun = true;
}
