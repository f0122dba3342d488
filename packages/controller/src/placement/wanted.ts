/** What placement is asked. */
import type { GuestInput, Network, Rejection } from '@gantry/model';
import type { Peer } from '@gantry/placement';
import type { Candidate } from './capacity.ts';
import type { NetworkTest } from './networks-there.ts';

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
}
