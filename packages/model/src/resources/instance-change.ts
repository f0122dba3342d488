/** What setting something of an instance came to: each change with when the guest gets it, and why then. */
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import { Instance } from './instance.ts';
import { Operation } from './operation.ts';

export const SettingChange = strict({
  setting: Type.String({ description: 'memory, vcpus, flavor, label.KEY, guest.cpuMode, ...' }),
  from: optional(Type.String({ description: 'absent: it was not set' })),
  to: optional(Type.String({ description: 'absent: it is no longer set' })),
  applies: oneOf(['now', 'next-start'] as const, 'when the guest gets it'),
  why: Type.String({ description: 'why then and not earlier' }),
});
export type SettingChange = Static<typeof SettingChange>;

export const InstanceChanged = strict({
  instance: Instance,
  changes: Type.Array(SettingChange),
  /** By which a running guest gets its new size; absent: there is nothing to wait for. */
  operation: optional(Operation),
});
export type InstanceChanged = Static<typeof InstanceChanged>;
