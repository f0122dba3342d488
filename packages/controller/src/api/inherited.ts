/** Settings that others inherit, as a request changes them. */
import { checkPolicy } from '@gantry/guest';
import type { Body, GuestPolicy, HostChanges, HostPolicy } from '@gantry/model';
import { checkHostPolicy } from '../placement/host-policy.ts';

interface Settings {
  guest?: GuestPolicy;
  host?: HostPolicy;
}
type Changes = Body<'setGroupPolicy'>;

/** What others inherit, with the changes. @throws GantryError when it cannot hold anywhere */
export function inherited(
  { guest, host }: Changes,
  { name, spec }: { name: string; spec: Settings },
  level: 'cluster' | 'group',
): Settings {
  const policy: GuestPolicy = withoutNull({ ...spec.guest, ...guest });
  if (guest) checkPolicy([{ level, from: name, policy }]);
  return { ...(guest ? { guest: policy } : {}), ...(host ? { host: changedHost(spec.host, host) } : {}) };
}

const withoutNull = (settings: object) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));

export function changedHost(present: HostPolicy | undefined, changes: HostChanges): HostPolicy {
  const host: HostPolicy = withoutNull({ ...present, ...changes });
  checkHostPolicy(host);
  return host;
}
