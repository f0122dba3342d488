/** What the machine says about itself in SMBIOS. */
import { type Sysinfo, sysinfo } from '../elements/sysinfo.ts';
import { builtin } from '../origin.ts';
import type { Wanted } from '../wanted.ts';
import { isX86 } from './machine.ts';

export function sysinfoFrom({ settings, machine, node, identity, host }: Wanted): Sysinfo | undefined {
  const { sysinfo: maker } = settings.profile;
  if (!maker || !isX86(machine.architecture)) return undefined;
  const serials = { guest: identity.uuid, host: host.systemUuid, none: undefined };
  const serial = serials[node.systemSerial];
  return sysinfo({
    ...maker,
    ...(serial === undefined ? {} : { serial }),
    uuid: identity.uuid,
    origin: builtin('sysinfo', 'systems in the guest recognise their cloud by it'),
  });
}
