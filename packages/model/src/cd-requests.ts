/** Bodies of writes about CD drives of an instance. */
import { DetachQuery } from './disk-requests.ts';
import { Ref } from './requests.ts';
import { cdBuses } from './resources/cd.ts';
import { oneOf, optional, type Static, strict, Type } from './schema.ts';
import { Milliseconds } from './units.ts';

const wishes = {
  deadlineMs: optional(
    Milliseconds('until when it must be done; default 10 minutes, 1 minute to eject', 1000),
  ),
  reason: optional(Type.String({ maxLength: 255 })),
};
const force = optional(
  Type.Boolean({ description: 'also where the guest has locked the tray: what it reads just then fails' }),
);

export const AttachCd = strict({
  image: optional(Ref),
  bus: optional(oneOf(cdBuses, 'default: as its image and its machine say')),
  ...wishes,
});
export type AttachCd = Static<typeof AttachCd>;

export const InsertCd = strict({ image: Ref, force, ...wishes });
export type InsertCd = Static<typeof InsertCd>;

export const EjectQuery = strict({ ...DetachQuery.properties, force });
