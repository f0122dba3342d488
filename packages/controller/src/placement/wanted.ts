/** What placement is asked. */
import type { GuestInput, Network, Rejection } from '@gantry/model';
import type { Peer } from '@gantry/placement';
import type { Candidate } from './capacity.ts';
import type { NetworkTest } from './networks-there.ts';

/** What a request may say in other words: sizes, a node, rules of affinity. */
export type Sayable = 'size' | 'node' | 'rules';

export interface Wanted {
  /** The instance as rules of others see it. */
  newcomer: Peer;
  input: GuestInput;
  networks: readonly Network[];
  networksAt?: NetworkTest;
  /** What else stands against a node. */
  against?: (candidate: Candidate) => readonly Rejection[];
  /** This node alone. */
  only: string | undefined;
  /** What of it the request could say otherwise, for ways out; all of it unless told. */
  sayable?: readonly Sayable[];
}
