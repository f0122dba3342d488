import type { LibvirtClient } from '@gantry/libvirt';
import type { Capabilities } from './capabilities.ts';
import type { GuestDirectory } from './directory.ts';
import type { FirstAlone } from './first-alone.ts';
import type { Membership } from './look.ts';
import type { GuestsOptions } from './ports.ts';

/** What starting a guest takes. */
export interface StartParts
  extends Pick<GuestsOptions, 'bootFiles' | 'disks' | 'bases' | 'accelerator' | 'hardware' | 'stateDir'> {
  lv: LibvirtClient;
  capabilities: Capabilities;
  directory: GuestDirectory;
  member: Membership;
  /** libvirt makes the cgroups above all guests with the first one; two at once fail each other (9.0). */
  starting: FirstAlone;
}
