/**
 * What the controller asks of a node and wants answered at once, over a tunnel: one line of JSON each way. Nothing of it
 * is stored on the way, so a password may travel so. Whoever gets no answer asks again: each call may be repeated.
 */
import { ClusterId, InstanceId } from './ids.ts';
import { Problem } from './problem.ts';
import { DomainRef, ForeignDomain } from './resources/adoption.ts';
import { CpuDefinition, CpuFeatureName } from './resources/cpu.ts';
import { NodeLook } from './resources/finding.ts';
import { GuestInput, GuestSpec } from './resources/guest.ts';
import { GuestComparison } from './resources/guest-diff.ts';
import { SshKey } from './resources/instance.ts';
import { NodeProbed } from './resources/node.ts';
import { GuestStats } from './resources/stats.ts';
import { oneOf, optional, type Static, strict, Type } from './schema.ts';

/** Of an account inside the guest, as useradd permits it. */
export const GuestUser = Type.String({
  pattern: '^[a-z_][a-z0-9_-]{0,30}$',
  description: 'name of an account in the guest',
});

export const GuestPassword = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u001f\\u007f:]+$',
  description: 'one line without colons',
});

/** What of guests and disks may be on a node that leaves: `none`; `down`: they go, if no guest is up; `any`: they go. */
export const LeaveWith = oneOf(
  ['none', 'down', 'any'] as const,
  'the node takes off what Gantry made there, and itself; guests and disks that may still be there: `none`, guests that are `down`, `any`',
);
export type LeaveWith = Static<typeof LeaveWith>;

export const NodeCall = Type.Union([
  strict({ do: Type.Literal('node.look') }),
  /** Facts found out anew; takes up to two minutes. */
  strict({ do: Type.Literal('node.probe') }),
  strict({ do: Type.Literal('stats'), instances: Type.Array(InstanceId, { maxItems: 4096 }) }),
  strict({ do: Type.Literal('agent.ping'), instance: InstanceId }),
  strict({
    do: Type.Literal('agent.set-password'),
    instance: InstanceId,
    user: GuestUser,
    password: GuestPassword,
  }),
  strict({
    do: Type.Literal('agent.add-ssh-keys'),
    instance: InstanceId,
    user: GuestUser,
    keys: Type.Array(SshKey, { minItems: 1, maxItems: 64 }),
  }),
  strict({ do: Type.Literal('guest.screenshot'), instance: InstanceId }),
  /** The best CPU that hosts with these can all give, by the node's libvirt and its accelerator. */
  strict({
    do: Type.Literal('cpu.baseline'),
    cpus: Type.Array(CpuDefinition, { minItems: 1, maxItems: 1024 }),
  }),
  /** Of the guest that `next` would start, and of one made now from the same flavor and image. */
  strict({ do: Type.Literal('guest.diff'), next: GuestSpec, anew: optional(GuestInput) }),
  /** A domain that somebody else made. */
  strict({ do: Type.Literal('domain.inspect'), domain: DomainRef }),
  /** It takes off what Gantry made there, and itself; answered when that is sure to come. */
  strict({ do: Type.Literal('node.leave'), cluster: ClusterId, guests: LeaveWith }),
]);
export type NodeCall = Static<typeof NodeCall>;
/** What concerns its guests. */
export type GuestCall = Exclude<NodeCall, { do: 'node.look' | 'node.probe' | 'node.leave' }>;

/** The answer's shape by the call's name. */
export const nodeAnswers = {
  'node.look': NodeLook,
  'node.probe': NodeProbed,
  stats: strict({ guests: Type.Array(GuestStats) }),
  'agent.ping': strict({ tookMs: Type.Number({ minimum: 0 }) }),
  'agent.set-password': strict({}),
  'agent.add-ssh-keys': strict({}),
  'guest.screenshot': strict({ png: Type.String({ description: 'base64' }) }),
  'cpu.baseline': strict({ cpu: CpuDefinition, features: Type.Array(CpuFeatureName) }),
  'guest.diff': GuestComparison,
  'domain.inspect': ForeignDomain,
  'node.leave': strict({}),
} as const;
export type NodeAnswer<N extends NodeCall['do']> = Static<(typeof nodeAnswers)[N]>;

/** The line that comes back: what was asked for, or why not. */
export const NodeReply = Type.Union([strict({ answer: Type.Unknown() }), strict({ problem: Problem })]);
export type NodeReply = Static<typeof NodeReply>;

/** Longest line either way, bytes. */
export const NODE_CALL_LIMIT_BYTES = 8 * 2 ** 20;
