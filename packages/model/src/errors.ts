/**
 * The error registry: every refusal has a stable code, an HTTP status and an exit code chosen by what the reader will
 * do about it, a sentence that says what and why, and one that says what to do.
 * `{x}` in a template is a parameter. docs/reference/errors.md is generated from this table.
 */
export interface ErrorEntry {
  status: number;
  /** Exit code of the CLI: 1 failed, 2 usage, 3 not found, 4 forbidden, 5 conflict, 6 no capacity, 7 timeout, 8 unreachable. */
  exit: number;
  message: string;
  hint: string;
}

const entry = (status: number, exit: number, message: string, hint: string): ErrorEntry => ({
  status,
  exit,
  message,
  hint,
});

export const errorRegistry = {
  // --- what the caller sent
  invalid_argument: entry(400, 2, '{what} is not {wanted}', 'Correct the value and repeat the command.'),
  invalid_body: entry(
    400,
    2,
    'the request is not valid: {problems}',
    'Correct the named fields; `gantry explain` shows each one.',
  ),
  unknown_field: entry(400, 2, 'unknown field {field}{suggestion}', 'Remove it or correct its name.'),
  body_too_large: entry(413, 2, 'the request is larger than {limit}', 'Send less.'),
  usage: entry(400, 2, '{what}', '`gantry help` lists the commands.'),
  invalid_cluster_file: entry(
    400,
    2,
    'line {line} of the cluster file: {why}',
    'It must be whole, and in the text format of Ganeti’s htools (`hscan`, `hbal -S`).',
  ),
  unknown_property: entry(
    400,
    2,
    '{kind} has no property {key}{suggestion}',
    '`gantry explain {kind}` lists the keys.',
  ),
  invalid_property: entry(
    400,
    2,
    '{key}={value} is not valid: {why}',
    '`gantry explain {key}` shows type, unit, range and default.',
  ),
  property_conflict: entry(
    409,
    5,
    '{key} is {flavor} in the flavor and {image} in the image',
    'Make both say the same, or unset one.',
  ),
  cpu_baseline_unknown: entry(
    503,
    1,
    'no node could compute the CPU baseline of group {group}: {why}',
    'Look at the nodes of the group: `gantry node list`. It is tried again by itself.',
  ),
  guest_differs: entry(
    409,
    1,
    'instance {name} differs from its settings: {count}',
    '`gantry instance diff {name}` names each difference and when it applies.',
  ),
  settings_refused: entry(
    400,
    2,
    'no guest can be built so: {why}',
    'Change the named setting of flavor, image or policy.',
  ),
  property_not_supported: entry(
    400,
    2,
    '{key} is known but not built into this version: {why}',
    'Unset it, or use a release whose notes name it.',
  ),
  // --- who asks
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
  // --- what is there
  not_found: entry(404, 3, '{kind} {name} does not exist', 'List what exists with `gantry {kind} list`.'),
  ambiguous: entry(409, 5, '{name} could mean {matches}', 'Write the id, or add --project.'),
  no_route: entry(404, 3, 'the API has no {method} {path}', 'See /openapi.json for what it offers.'),
  name_taken: entry(409, 5, '{kind} {name} exists already', 'Choose another name, or delete it first.'),
  in_use: entry(409, 5, '{kind} {name} is used by {users}', 'Delete or change its users first.'),
  conflict: entry(
    409,
    5,
    '{kind} {name} was changed by someone else meanwhile',
    'Look at it again and repeat the change.',
  ),
  precondition_failed: entry(
    412,
    5,
    '{kind} {name} is no longer at revision {revision}',
    'Look at it again and repeat the change.',
  ),
  idempotency_mismatch: entry(
    409,
    5,
    'the idempotency key was used before with another request',
    'Use a new key for a new request.',
  ),
  wrong_state: entry(409, 5, '{kind} {name} is {state}: cannot {action}', '{permitted}'),
  busy: entry(
    409,
    5,
    '{kind} {name} is busy with operation {operation}',
    'Wait for it with `gantry op watch {operation}`, or cancel it.',
  ),
  protected: entry(409, 5, '{kind} {name} is protected against deletion', 'Remove the protection first.'),
  locked: entry(
    409,
    5,
    'instance {name} is locked by {by}: {reason}',
    'Once that is over: `gantry instance unlock {name}`.',
  ),
  not_supported: entry(501, 2, '{what} is not built into this version', '{instead}'),
  revision_compacted: entry(
    410,
    1,
    'changes since revision {revision} are no longer kept',
    'List again and watch from the revision of the list.',
  ),
  // --- placing and making
  no_capacity: entry(409, 6, 'no node can take {name}{asked}\n{why}', '{waysOut}'),
  quota_exceeded: entry(
    409,
    6,
    'project {project} may not have so much: {why}',
    'Delete or shrink what is not needed (`gantry project show {project}`), or ask an administrator: `gantry project set {project} --quota {enough}`.',
  ),
  cannot_grow: entry(409, 6, 'node {node} cannot give {name} what it would need: {why}', '{waysOut}'),
  guest_kept: entry(
    409,
    1,
    'guest {name} keeps {what}: {why}',
    'It gets what was asked for when it is stopped and started.',
  ),
  resize_pending: entry(
    409,
    5,
    'the resize of instance {name} at {at} is neither confirmed nor reverted',
    'Decide: `gantry instance resize {name} --confirm` or `--revert`.',
  ),
  no_resize: entry(
    409,
    5,
    'instance {name} has no resize to {action}',
    'It was confirmed or reverted already, or there was none: see `gantry instance show {name}`.',
  ),
  in_rescue: entry(
    409,
    5,
    'instance {name} is in rescue: it boots from its rescue disk, and cannot {action} meanwhile',
    'End its rescue with `gantry instance unrescue {name}`, and repeat the command.',
  ),
  not_in_rescue: entry(
    409,
    5,
    'instance {name} is not in rescue',
    'None needed; `gantry instance rescue {name}` would begin one.',
  ),
  stop_first: entry(
    409,
    5,
    '{what} of instance {name} cannot change while its guest is up: {why}',
    'Stop it with `gantry instance stop {name}`, and repeat the change.',
  ),
  move_needs_stop: entry(
    409,
    5,
    'instance {name} is {state}, and guests cannot be moved while they are up yet',
    '`gantry instance move {name} --stop` stops it, moves it and starts it again.',
  ),
  transfer_failed: entry(
    503,
    1,
    '{what} could not be copied from node to node: {why}',
    'It is tried again until the deadline of the operation. Check that the source reaches the port of the target.',
  ),
  address_taken: entry(
    409,
    5,
    'address {address} of network {network} is in use by {owner}',
    'Choose another address, or `pool`.',
  ),
  address_answered: entry(
    409,
    5,
    'address {address} is in use already: {holder} answers for it on {bridge}',
    'Free it there, or choose another one (`--nic NETWORK,ip=ADDRESS`) and keep this one out of the pool (`gantry network set NETWORK --reserve ADDRESS`); `--no-address-check` takes it all the same.',
  ),
  name_resolves: entry(
    409,
    5,
    'name {name} resolves to {address}, {why}',
    'Choose another name, give the NIC that address (`--nic NETWORK,ip=ADDRESS`), or correct the record; `--no-name-check` takes it all the same.',
  ),
  address_outside: entry(
    400,
    2,
    'address {address} is not usable in network {network}: {why}',
    'Choose one inside the subnet, or `pool`.',
  ),
  pool_exhausted: entry(
    409,
    6,
    'network {network} has no free address in its pool',
    'Enlarge the pool or delete instances.',
  ),
  image_unsafe: entry(
    400,
    2,
    'the image is refused: {why}',
    'Convert it with qemu-img to a plain qcow2 or raw file without references to other files.',
  ),
  flavor_too_small: entry(
    409,
    5,
    '{flavor} has {has} of {what}, and the image needs {needs}',
    'Choose a larger flavor.',
  ),
  image_not_ready: entry(409, 5, 'image {name} has no content yet', 'Upload it with `gantry image import`.'),
  disk_too_large: entry(
    409,
    6,
    'disk of {size} does not fit: {why}',
    'Choose a smaller disk or free space on the node.',
  ),
  disk_too_small: entry(
    400,
    2,
    'disk of {size} is smaller than its image needs ({needed})',
    'Choose a larger disk.',
  ),
  disk_elsewhere: entry(
    409,
    5,
    'disk {name} is on node {node}, and instance {instance} is on {other}',
    'Its bytes are on one node only: attach it to an instance there.',
  ),
  disk_attached: entry(
    409,
    5,
    'disk {name} is attached to instance {instance}',
    'Detach it first: `gantry instance disk detach {instance} {name}`.',
  ),
  no_space: entry(507, 6, 'no space left on {where}', 'Free space there and retry the operation.'),
  os_provider_failed: entry(
    502,
    1,
    'OS provider {provider} failed in {step}: {why}',
    'Its output is in the log of the operation: `gantry op show {operation}`.',
  ),
  mirror_unreachable: entry(
    502,
    1,
    'the mirror {mirror} does not answer: {why}',
    'Check the mirror parameter and the network of the node.',
  ),
  download_failed: entry(502, 1, '{what} could not be fetched: {why}', 'Check the source and repeat.'),
  // --- running
  config_refused: entry(
    502,
    1,
    'libvirt cannot build this guest: {message}',
    'The message is libvirt’s own: change the setting of flavor, image or policy that it names.',
  ),
  qemu_refused: entry(
    502,
    1,
    'QEMU does not start this guest: {message}',
    'The message is QEMU’s own: change the setting of flavor, image or policy that it names.',
  ),
  hypervisor_error: entry(
    502,
    1,
    'libvirt refused {call}: {message}',
    'The message is the hypervisor’s own.',
  ),
  hypervisor_unreachable: entry(
    502,
    1,
    'libvirt on {node} cannot be reached: {why}',
    'Start libvirt on the node; the agent reconnects by itself.',
  ),
  no_screenshot: entry(
    502,
    1,
    'there is no picture of the screen of {name}: {why}',
    'Its serial console may tell more: `gantry logs {name}`.',
  ),
  guest_agent: entry(
    502,
    1,
    'the guest agent of {name} {what}',
    'Install and start qemu-guest-agent in the guest; `gantry instance show {name}` says what is known of it.',
  ),
  hypervisor_auth: entry(
    502,
    1,
    'libvirt on {node} does not let the agent in: {why}',
    'Set up its access there with `gantry node libvirt-auth`; the agent tries again by itself.',
  ),
  device_refused: entry(
    502,
    1,
    '{name} refuses to give up {device}',
    'It stays attached. Stop using it inside the guest and repeat the command, or stop the guest first.',
  ),
  device_kept: entry(
    504,
    1,
    '{name} did not give up {device} within {limit}',
    'It stays attached. A guest that boots, hangs or has no driver for hot-plug does not answer: repeat the command later, or stop the guest first.',
  ),
  guest_refused: entry(502, 1, 'the guest cannot be built: {why}', 'Change the named setting.'),
  node_unreachable: entry(
    503,
    1,
    'node {node} has not been heard of for {ago}',
    'Check the node and its agent.',
  ),
  foreign_domain: entry(
    409,
    5,
    'domain {name} on {node} is not managed by this cluster',
    'Rename or remove it, or choose another name.',
  ),
  operation_failed: entry(
    500,
    1,
    '{kind} failed: {why}',
    '`gantry op show {operation}` has the steps and the log.',
  ),
  operation_cancelled: entry(
    409,
    1,
    '{kind} was cancelled by {by}',
    'Repeat the command if it is still wanted.',
  ),
  start_timeout: entry(
    504,
    1,
    '{what} is not ready after {limit}; last seen: {observed}',
    'It may only be slow: ask again. Its log says more: `journalctl -u gantry-controller -u gantry-agent`, without systemd log/ in the state directory.',
  ),
  deadline_exceeded: entry(
    504,
    1,
    '{what} did not finish within {limit}; last seen: {observed}',
    '`gantry op show {operation}`; the target stays manageable.',
  ),
  still_running: entry(
    504,
    7,
    'operation {operation} still runs after {limit}',
    'It goes on: `gantry op watch {operation}`.',
  ),
  act_unknown: entry(
    500,
    1,
    '{what} on {node} was begun, but its end was not seen',
    'Look at the guest and repeat it if needed.',
  ),
  command_failed: entry(
    500,
    1,
    'it failed on {count} of {of} nodes: {where}',
    'What it printed there is above.',
  ),
  restored: entry(
    409,
    1,
    'a backup of the store, from before the end of this operation, was restored',
    'Look at what it was to do, and ask for it again if it is still wanted.',
  ),
  bad_backup: entry(
    400,
    2,
    '{file} cannot be restored: {why}',
    'Choose a file that `gantry cluster backup` wrote on this cluster. Nothing was changed.',
  ),
  disk_gone: entry(
    409,
    1,
    'the disk {disk} was whole and is gone from {path}',
    'Mount its storage, or put the file back: the agent goes on by itself. It makes no empty one in its place; if the data is lost, delete the instance.',
  ),
  verify_found: entry(
    409,
    1,
    'the cluster is not as it should be: errors found: {count}',
    'Each of them is above, with what to do.',
  ),
  guest_command_failed: entry(
    500,
    1,
    'the command in {name} did not succeed: {how}',
    'What it printed is above.',
  ),
  agent_outdated: entry(409, 1, 'the agent does not know {fields}', 'Upgrade the agent on that node.'),
  stale_term: entry(
    409,
    1,
    'the request carries an older term than {term}',
    'None needed: the newer controller goes on.',
  ),
  saved_memory_unusable: entry(
    502,
    1,
    'its saved memory cannot be read back: {why}',
    'It stays suspended. Mend the cause, or give its memory up: `gantry instance start NAME --discard-saved` boots it anew.',
  ),
  suspend_failed: entry(
    502,
    1,
    'its memory cannot be written to disk: {why}',
    'It runs on. Make room for its memory in the folder of libvirt’s saved guests on node {node} (/var/lib/libvirt/qemu/save), or stop it instead.',
  ),
  // --- reaching the API, the machine
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
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorRegistry;
export type ErrorParams = Readonly<Record<string, string | number>>;

/** Any refusal or failure with a stable code. `message` says what and why, `hint` what to do. */
export class GantryError extends Error {
  readonly code: ErrorCode;
  readonly params: ErrorParams;

  constructor(code: ErrorCode, params: ErrorParams = {}, options: { cause?: unknown } = {}) {
    super(fill(errorRegistry[code].message, params), options);
    this.name = 'GantryError';
    this.code = code;
    this.params = params;
  }

  get hint(): string {
    return fill(errorRegistry[this.code].hint, this.params);
  }
  get status(): number {
    return errorRegistry[this.code].status;
  }
  get exit(): number {
    return errorRegistry[this.code].exit;
  }
}

export const err = (code: ErrorCode, params: ErrorParams = {}, cause?: unknown): GantryError =>
  new GantryError(code, params, cause === undefined ? {} : { cause });

export const isGantryError = (value: unknown, code?: ErrorCode): value is GantryError =>
  value instanceof GantryError && (code === undefined || value.code === code);

const fill = (template: string, params: ErrorParams): string =>
  template.replace(/\{(\w+)\}/g, (_, key: string) => String(params[key] ?? ''));
