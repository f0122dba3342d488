/** What the node can, looked at anew when its facts are told, and kept for guests that start in between. */
import type { NodeHardware } from '@gantry/model';

export interface KeptHardware {
  /** As it is now; where that cannot be found out, as it was last. */
  refresh(): Promise<NodeHardware | undefined>;
  /** As it was last found; looked at where it never was. */
  latest(): Promise<NodeHardware | undefined>;
}

export function keptHardware(
  look: () => Promise<NodeHardware>,
  onError: (error: unknown) => void,
): KeptHardware {
  let known: NodeHardware | undefined;
  const refresh = async () => {
    known = await look().catch((error: unknown) => {
      onError(error);
      return known;
    });
    return known;
  };
  return { refresh, latest: async () => known ?? refresh() };
}
