/** One libvirt element of a guest's configuration: small, frozen, knowing its origin. */
import type { Origin } from '../origin.ts';

export interface Node<K extends string> {
  readonly kind: K;
  readonly origin: Origin;
}

/** The frozen node of that kind. */
export const make = <N extends Node<string>>(kind: N['kind'], props: Omit<N, 'kind'>): N =>
  Object.freeze({ kind, ...props }) as unknown as N;
