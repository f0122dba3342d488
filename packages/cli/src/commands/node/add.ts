import { formatMs, parseDurationMs, type Response } from '@gantry/model';
import type { Verb } from '../../verb.ts';

export const nodeAdd: Verb = {
  words: 'node add',
  summary: 'expect a machine as a new node: prints the line to run on it',
  details:
    'The line needs curl and root. It fetches the certificate of the cluster’s CA and checks it by its fingerprint, installs\n' +
    'this release and the Debian packages it needs, and joins with a token that is good for one machine and a limited time.\n' +
    'Asked for again before a machine has joined, it prints a new line, and the earlier one is void.',
  arguments: [{ name: 'NAME', description: 'name of the node' }],
  flags: [
    { flags: '--group <group>', description: 'group of nodes, default: default' },
    { flags: '--valid <duration>', description: 'the token is good for so long, default 1h' },
  ],
  examples: ['gantry node add n2', 'gantry node add n2 --group rack1 --valid 15m'],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const added = await session.client.call('addNode', {
      body: { name, ...given.string('group', 'group'), ...given.put('ttlMs', 'valid', parseDurationMs) },
    });
    const leftMs = Math.max(0, Date.parse(added.expiresAt) - Date.now());
    session.note(`node ${name} is expected; within ${formatMs(leftMs)} run this on it, as root:`);
    await session.out.object(added, joinLine(added), () => joinLine(added));
  },
};

/**
 * Nothing that came from the network is used before it was checked: the CA by its fingerprint, everything else by the CA.
 * The script is run only when all of it has come.
 */
export function joinLine({ node, secret, url, caSha256 }: Response<'addNode'>): string {
  return [
    'ca=$(mktemp)',
    `curl -fsSk ${url}/ca.pem -o "$ca"`,
    `echo "${caSha256}  $ca" | sha256sum -c --quiet`,
    `s=$(curl -fsS --cacert "$ca" ${url}/join.sh)`,
    `GANTRY_JOIN_TOKEN=${secret} sh -c "$s" join --api ${url} --ca "$ca" --name ${node.name}`,
  ].join(' && ');
}
