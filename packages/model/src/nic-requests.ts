/** Bodies of writes about NICs of an instance. */
import { CreateInstance, RequestedNic } from './requests.ts';
import { NicTrust } from './resources/instance.ts';
import { AllowedSource } from './resources/network.ts';
import { NicModel } from './resources/nic-model.ts';
import { oneOf, optional, type Static, strict, Type } from './schema.ts';
import { Milliseconds } from './units.ts';

const wishes = {
  deadlineMs: optional(Milliseconds('until when it must be done; default 10 minutes', 1000)),
  reason: optional(Type.String({ maxLength: 255 })),
};
const { addressCheck } = CreateInstance.properties;
const Link = oneOf(['up', 'down'] as const, 'its cable');

export const AttachNic = strict({
  ...RequestedNic.properties,
  link: optional(Link),
  addressCheck,
  ...wishes,
});
export type AttachNic = Static<typeof AttachNic>;

const { network, address, address6 } = RequestedNic.properties;
export const SetNic = strict({
  network: optional(network),
  address,
  address6,
  link: optional(Link),
  filter: NicTrust.filter,
  allow: optional(
    Type.Array(AllowedSource, { maxItems: 64, description: 'sources that it may use from now on, too' }),
  ),
  disallow: optional(
    Type.Array(AllowedSource, { maxItems: 64, description: 'of those it was allowed: no longer' }),
  ),
  addressCheck,
  model: optional(
    Type.Union([NicModel, Type.Null()], {
      description: 'a running guest has it from its next start on; null: as the image says',
    }),
  ),
  replug: optional(
    Type.Boolean({
      description: 'with `model`, of a running guest: take the NIC out now and plug it in as the new model',
    }),
  ),
  ...wishes,
});
export type SetNic = Static<typeof SetNic>;
