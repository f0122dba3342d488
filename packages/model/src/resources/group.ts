import { Name } from '../ids.ts';
import { optional, type Static, strict, Type } from '../schema.ts';
import { Condition, resource } from './common.ts';
import { GroupCpu } from './cpu.ts';
import { HostPolicy } from './host-policy.ts';
import { GuestPolicy } from './policy.ts';

export const GroupSpec = strict({ guest: optional(GuestPolicy), host: optional(HostPolicy) });
export type GroupSpec = Static<typeof GroupSpec>;

export const GroupStatus = strict({ cpu: optional(GroupCpu), conditions: optional(Type.Array(Condition)) });
export type GroupStatus = Static<typeof GroupStatus>;

/** A set of like nodes. */
export const Group = resource('group', Name, GroupSpec, GroupStatus);
export type Group = Static<typeof Group>;
