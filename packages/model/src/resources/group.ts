import { Name } from '../ids.ts';
import { optional, type Static, strict } from '../schema.ts';
import { resource } from './common.ts';
import { HostPolicy } from './host-policy.ts';
import { GuestPolicy } from './policy.ts';

export const GroupSpec = strict({ guest: optional(GuestPolicy), host: optional(HostPolicy) });
export type GroupSpec = Static<typeof GroupSpec>;

/** A set of like nodes. */
export const Group = resource('group', Name, GroupSpec, strict({}));
export type Group = Static<typeof Group>;
