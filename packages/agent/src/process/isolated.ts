/**
 * Goes before an argv: the program gets mounts and processes of its own, which all end with it, also when it is
 * killed. Nothing that it mounts is ever seen by the node.
 */
export const isolated = [
  'unshare',
  '--mount',
  '--propagation=private',
  '--pid',
  '--fork',
  '--kill-child=KILL',
  '--mount-proc',
  '--',
] as const;
