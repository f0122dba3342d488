/** The CPU that all nodes of a group can give, which host-model guests get there in place of the node’s own. */
import type { CpuBaseline, GuestInput } from '@gantry/model';
import { type CpuFeature, cpuFeature } from '../elements/cpu.ts';
import { type Origin, origin } from '../origin.ts';
import { type Accelerator, gantryProfile } from '../profiles.ts';
import { resolvePolicy } from './policy.ts';

/** A guest with these policies gets the CPU of its node, or what its group makes of it. */
export const takesHostModel = (policies: GuestInput['policies'], accelerator: Accelerator): boolean =>
  (resolvePolicy(policies).cpuMode?.value ?? gantryProfile.cpuMode[accelerator]) === 'host-model';

export const baselineOrigin = ({ group }: CpuBaseline): Origin =>
  origin(
    'group',
    'cpuBaseline',
    `baseline of group ${group}: what all its nodes can give, so that the guest can move between them`,
  );

export const baselineFeatures = ({ cpu }: CpuBaseline, by: Origin): CpuFeature[] =>
  cpu.features.map(({ name, policy }) => cpuFeature({ name, policy, origin: by }));
