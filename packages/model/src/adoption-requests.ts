/** Requests about domains that somebody else made. */
import { Name } from './ids.ts';
import { InstanceActionBody, Ref } from './requests.ts';
import { DomainRef, ForeignDomain, KeptNic } from './resources/adoption.ts';
import { Ipv4Address, Ipv6Address } from './resources/network.ts';
import { line, optional, type Static, strict, stringMap, Type } from './schema.ts';

export const ImportInstance = strict({
  domain: DomainRef,
  node: optional(Ref),
  name: optional(Name),
  labels: optional(stringMap('labels')),
  addresses: optional(
    Type.Array(strict({ mac: KeptNic.properties.mac, address: Type.Union([Ipv4Address, Ipv6Address]) }), {
      maxItems: 64,
      description: 'addresses that its NICs use: reserved for it in the network of their bridge',
    }),
  ),
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: InstanceActionBody.properties.reason,
});
export type ImportInstance = Static<typeof ImportInstance>;

export const ImportPlan = strict({
  plan: Type.Array(Type.String(), { description: 'what would happen, line by line' }),
  domain: ForeignDomain,
});
export type ImportPlan = Static<typeof ImportPlan>;

export const ReleaseInstance = strict({
  deadlineMs: InstanceActionBody.properties.deadlineMs,
  reason: optional(line(255)),
});
export type ReleaseInstance = Static<typeof ReleaseInstance>;
