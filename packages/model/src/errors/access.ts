import { entry } from './entry.ts';

/** Who asks: tokens, rights, joining machines. */
export const accessErrors = {
  unauthenticated: entry(
    401,
    4,
    'no valid token: {why}',
    'Name the cluster with `gantry context use NAME --url URL` and give its token in GANTRY_TOKEN.',
  ),
  token_expired: entry(
    401,
    4,
    'the token {name} expired at {at}',
    'Make another one with a token that is still valid (`gantry token create`), or ask an administrator for one.',
  ),
  token_revoked: entry(
    401,
    4,
    'the token {name} was revoked at {at}',
    'If you did not ask for that, ask an administrator; `gantry audit list` tells him who did.',
  ),
  user_disabled: entry(
    401,
    4,
    'the user {name} is disabled',
    'Ask an administrator; `gantry user enable {name}` lets him in again.',
  ),
  last_admin: entry(
    409,
    5,
    'nobody could administer the cluster any more: {why}',
    'Make another administrator first, with a token: `gantry user create NAME --role admin`, `gantry token create --user NAME`.',
  ),
  which_project: entry(
    400,
    2,
    'you are in several projects: {projects}',
    'Say which one: --project NAME (in the API: the header Gantry-Project).',
  ),
  rights_changed: entry(
    410,
    1,
    'what you may see has changed since revision {revision}',
    'List again and watch from the revision of the list.',
  ),
  forbidden: entry(
    403,
    4,
    'this token may not {action}: {why}',
    'Ask an administrator for a token with the needed role.',
  ),
  not_joinable: entry(
    409,
    5,
    'no machine can join: {why}',
    'Let the controller listen where the machine reaches it: `gantry cluster listen ADDRESS:PORT`.',
  ),
  join_refused: entry(
    403,
    4,
    'this machine may not join as {node}: {why}',
    'Ask an administrator for a new line: `gantry node add {node}`.',
  ),
  identity_taken: entry(
    409,
    5,
    'node {node} is not heard here: {why}',
    'Stop the agent on the copy. A machine gets an identity of its own by joining under a name of its own.',
  ),
  certificate_needed: entry(
    401,
    4,
    'no valid certificate: {why}',
    'A node shows the certificate that it got when it joined; if it lost it, remove the node and join anew.',
  ),
};
