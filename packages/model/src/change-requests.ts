/** Bodies of what changes an instance as a whole: made anew, rescued. */
import { InstanceActionBody, Ref } from './requests.ts';
import { OsSource } from './resources/image.ts';
import { optional, type Static, strict, Type } from './schema.ts';

const { until, deadlineMs, reason } = InstanceActionBody.properties;

/** Without image and os: what it was made from. */
const source = { image: optional(Ref), os: optional(OsSource) };

export const ReinstallInstance = strict({
  ...source,
  stop: optional(Type.Boolean({ description: 'stop it for that, and start it again; else it must be down' })),
  keepVariables: optional(
    Type.Boolean({ description: 'the UEFI variables stay: boot entries, keys that were enrolled' }),
  ),
  until,
  deadlineMs,
  reason,
});
export type ReinstallInstance = Static<typeof ReinstallInstance>;

export const RescueInstance = strict({ ...source, until, deadlineMs, reason });
export type RescueInstance = Static<typeof RescueInstance>;
