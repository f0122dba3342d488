/** Names and ids. An instance's id is its libvirt UUID. */
import { type Static, Type } from './schema.ts';

declare const brand: unique symbol;
/** A string that only its own parser or generator makes. */
export type Branded<B extends string> = string & { readonly [brand]: B };

export const UUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
/** What may name an instance, node, flavor, network: a DNS label or several, so that it can be a host name too. */
export const NAME_PATTERN = '^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$';
/** Images may have slashes (`debian/12`), nothing else more. */
export const IMAGE_NAME_PATTERN = '^(?=.{1,127}$)[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$';

const uuid = <B extends string>(description: string) =>
  Type.Unsafe<Branded<B>>(Type.String({ pattern: UUID_PATTERN, description }));

export const InstanceId = uuid<'InstanceId'>('UUID; also the UUID of the libvirt domain');
export const NodeId = uuid<'NodeId'>('UUID of a node');
export const GroupId = uuid<'GroupId'>('UUID of a node group');
export const FlavorId = uuid<'FlavorId'>('UUID of a flavor');
export const ImageId = uuid<'ImageId'>('UUID of an image');
export const NetworkId = uuid<'NetworkId'>('UUID of a network');
export const DiskId = uuid<'DiskId'>('UUID of a disk');
export const OperationId = uuid<'OperationId'>('UUID of an operation');
export const ProjectId = uuid<'ProjectId'>('UUID of a project');
export const TokenId = uuid<'TokenId'>('UUID of a token');
export const UserId = uuid<'UserId'>('UUID of a user');
export const ClusterId = uuid<'ClusterId'>('UUID of the cluster');
export const AnyId = Type.String({ pattern: UUID_PATTERN, description: 'UUID' });

export type InstanceId = Static<typeof InstanceId>;
export type NodeId = Static<typeof NodeId>;
export type GroupId = Static<typeof GroupId>;
export type FlavorId = Static<typeof FlavorId>;
export type ImageId = Static<typeof ImageId>;
export type NetworkId = Static<typeof NetworkId>;
export type DiskId = Static<typeof DiskId>;
export type OperationId = Static<typeof OperationId>;
export type ProjectId = Static<typeof ProjectId>;
export type TokenId = Static<typeof TokenId>;
export type UserId = Static<typeof UserId>;
export type ClusterId = Static<typeof ClusterId>;
export type AnyId = Static<typeof AnyId>;

export const Name = Type.String({
  pattern: NAME_PATTERN,
  description: 'lower-case letters, digits, hyphens and dots, at most 63 characters, a valid host name',
});
export const ImageName = Type.String({
  pattern: IMAGE_NAME_PATTERN,
  description: 'lower-case letters, digits, dots, hyphens, underscores; parts separated by slashes',
});

const uuidPattern = new RegExp(UUID_PATTERN);
export const isUuid = (text: string): boolean => uuidPattern.test(text);
