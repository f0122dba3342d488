/** What placement is asked. */
import type { GuestInput, Network } from '@gantry/model';
import type { Peer } from '@gantry/placement';
import type { NetworkTest } from './networks-there.ts';

export interface Wanted {
  /** The instance as rules of others see it. */
  newcomer: Peer;
  input: GuestInput;
  networks: readonly Network[];
  networksAt?: NetworkTest;
  /** This node alone. */
  only: string | undefined;
}
