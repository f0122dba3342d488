import { entry } from './entry.ts';

/** Guests: what their state forbids, what libvirt, QEMU or the guest refuses. */
export const guestErrors = {
  guest_differs: entry(
    409,
    1,
    'instance {name} differs from its settings: {count}',
    '`gantry instance diff {name}` names each difference and when it applies.',
  ),
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
  hypervisor_auth: entry(
    502,
    1,
    'libvirt on {node} does not let the agent in: {why}',
    'Set up its access there with `gantry node libvirt-auth`; the agent tries again by itself.',
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
  guest_command_failed: entry(
    500,
    1,
    'the command in {name} did not succeed: {how}',
    'What it printed is above.',
  ),
  foreign_domain: entry(
    409,
    5,
    'domain {name} on {node} is not managed by this cluster',
    'Rename or remove it, or choose another name.',
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
};
