/** Where things are listed that a name may fail to find. A test holds it against the table of commands. */

/** Nouns whose list has the noun’s own command. */
const listed = [
  ...['instance', 'node', 'group', 'network', 'disk', 'image', 'flavor'],
  ...['project', 'user', 'token', 'context'],
];

const elsewhere: Readonly<Record<string, string>> = {
  operation: '`gantry op list` shows those of the last days.',
  cluster: '`gantry cluster show` names it.',
  NIC: 'List those of its instance with `gantry instance show NAME`.',
  'CD drive': 'List those of its instance with `gantry instance show NAME`.',
  guest: '`gantry instance list` says which are bound to a node, and to which.',
  'running guest': '`gantry instance list` says which run.',
  'definition of guest': '`gantry instance start NAME` defines it anew.',
  'image content': 'Upload it again with `gantry image import`; `gantry image list` says which have theirs.',
  placement: 'It is kept with its operation: `gantry op list`.',
  'refused placement': 'Repeat the request that was refused: it is decided and kept anew.',
  'system user': 'List those of that machine with `getent passwd`.',
};

/**
 * What to do about a name that names nothing.
 * @param node where it was looked for, if on one
 */
export function whereabouts(kind: string, node: string | number = 'NODE'): string {
  if (listed.includes(kind)) return `List what exists with \`gantry ${kind} list\`.`;
  if (kind === 'domain')
    return `List those of that node with \`gantry node exec --node ${node} -- virsh list --all\`.`;
  return (
    elsewhere[kind] ?? 'It may be over, or have been removed meanwhile: look again, and repeat the command.'
  );
}
