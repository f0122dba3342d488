import { entry } from './entry.ts';

/** The cluster and its machines: nodes, agents, controller, store. */
export const clusterErrors = {
  cpu_baseline_unknown: entry(
    503,
    1,
    'no node could compute the CPU baseline of group {group}: {why}',
    'Look at the nodes of the group: `gantry node list`. It is tried again by itself.',
  ),
  node_unreachable: entry(
    503,
    1,
    'node {node} has not been heard of for {ago}',
    'Check the node and its agent.',
  ),
  node_not_told: entry(
    503,
    1,
    'node {node} cannot be told to leave: {why}',
    'Once its agent answers, repeat the command. If it has left already, or is gone for good, `gantry node remove {node}` without --leave forgets it; `gantry node leave` on the machine takes off what is left there.',
  ),
  agent_outdated: entry(409, 1, 'the agent does not know {fields}', 'Upgrade the agent on that node.'),
  stale_term: entry(
    409,
    1,
    'the request carries an older term than {term}',
    'None needed: the newer controller goes on.',
  ),
  verify_found: entry(
    409,
    1,
    'the cluster is not as it should be: errors found: {count}',
    'Each of them is above, with what to do.',
  ),
  bad_backup: entry(
    400,
    2,
    '{file} cannot be restored: {why}',
    'Choose a file that `gantry cluster backup` wrote on this cluster. Nothing was changed.',
  ),
  foreign_socket: entry(
    502,
    8,
    'the socket {path} belongs to the user with the id {uid}, not to the controller: it is shown no token',
    'Find out who put it there: somebody may want your token. Remove it as root, then run `gantry cluster start`.',
  ),
  guests_up: entry(
    409,
    5,
    'guests of cluster {name} are up: {guests}',
    'Stop them, or add --stop-guests: they are forced off then.',
  ),
  nodes_silent: entry(
    409,
    5,
    'nodes of the cluster cannot be reached: {nodes}',
    'What they run and store would stay there. Bring them back, or go on without each: --leave-behind {node}. On it then: `gantry node leave --cluster-gone`.',
  ),
  machine_busy: entry(
    409,
    5,
    'another command is at work on the cluster in {state}',
    'Wait until it has ended, then repeat this one.',
  ),
  api_unreachable: entry(
    503,
    8,
    'the API at {endpoint} cannot be reached: {why}',
    'Is the server running? `gantry server status`; another cluster: --cluster NAME.',
  ),
  untrusted_server: entry(
    502,
    8,
    'the server at {server} is not the expected one: its authority has the fingerprint {found}',
    'Compare it with `gantry cluster show` on the cluster itself. If they differ, somebody else answers: send no token there.',
  ),
  host_unfit: entry(500, 1, 'this machine cannot run it: {why}', '{remedy}'),
  store_locked: entry(
    503,
    1,
    'the store {path} is held by another process',
    'One controller per SQLite store: stop the other one.',
  ),
  store_unusable: entry(
    503,
    1,
    'the store cannot be used: {why}',
    'Free space or restore a backup; nothing was changed.',
  ),
  internal: entry(500, 1, 'internal error: {why}', 'Please report it with the request id.'),
};
