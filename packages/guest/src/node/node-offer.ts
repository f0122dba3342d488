/** A node as it is held against a guest, and the answer. */
import type { Fit, HostPolicy, NodeFacts, Rejection } from '@gantry/model';

/** What is decided about a node’s hardware; the node itself is not. */
export type HardwareFit = Omit<Fit, 'node'>;

export interface Bound {
  readonly extraSpecs: Readonly<Record<string, string>>;
  readonly fit: Fit;
}

export interface NodeOffer {
  readonly facts: NodeFacts;
  /** Of cluster, group and node together. */
  readonly host: HostPolicy;
  /** The guests that it has already. */
  readonly bound: readonly Bound[];
  /** Of the classes that every node has: VCPU, MEMORY_MB, DISK_GB. */
  readonly free: Readonly<Record<string, number>>;
}

export interface OfferAnswer {
  readonly fit: HardwareFit;
  /** Empty: the node can. */
  readonly rejections: readonly Rejection[];
}
