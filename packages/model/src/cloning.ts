/** Request for a copy of an instance. */
import { Name } from './ids.ts';
import { CreateInstance, InstanceActionBody, Ref } from './requests.ts';
import { oneOf, optional, type Static, strict } from './schema.ts';

const { nics, labels, nameCheck, addressCheck } = CreateInstance.properties;
const { until, timeoutMs, deadlineMs, reason } = InstanceActionBody.properties;

/** How the disks of a guest that runs are copied, weakest last. */
export const cloneWays = ['stop', 'quiesce', 'crash'] as const;
export type CloneWay = (typeof cloneWays)[number];

export const CloneInstance = strict({
  name: Name,
  node: optional(Ref),
  flavor: optional(Ref),
  /** Its own networks, with addresses of their pools, unless named. */
  nics,
  running: optional(
    oneOf(
      cloneWays,
      'of a source that runs: `stop` it for the copy and start it again; `quiesce`: its agent freezes its file systems for the moment that is copied; `crash`: as after a power cut at that moment',
    ),
  ),
  timeoutMs,
  power: optional(oneOf(['running', 'stopped'] as const)),
  labels,
  nameCheck,
  addressCheck,
  until,
  deadlineMs,
  reason,
});
export type CloneInstance = Static<typeof CloneInstance>;
