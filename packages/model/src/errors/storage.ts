import { entry } from './entry.ts';

/** Images, disks, and what carries their bytes. */
export const storageErrors = {
  image_unsafe: entry(
    400,
    2,
    'the image is refused: {why}',
    'Convert it with qemu-img to a plain qcow2 or raw file without references to other files. The image of a CD must be whole.',
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
  disk_gone: entry(
    409,
    1,
    'the disk {disk} was whole and is gone from {path}',
    'Mount its storage, or put the file back: the agent goes on by itself. It makes no empty one in its place; if the data is lost, delete the instance.',
  ),
  disk_in_the_way: entry(
    409,
    1,
    'the disk {disk} cannot be taken in: {path} bears its id and is not what is being sent',
    'It is left from before the store was restored, or somebody put it there; Gantry does not touch it. See what it holds, move it out of that folder (keep it if in doubt), and say the command again.',
  ),
  no_space: entry(507, 6, 'no space left on {where}', 'Free space there and retry the operation.'),
  clone_needs_choice: entry(
    409,
    5,
    'instance {name} is {state}: its disks may be in the middle of something',
    'Say what is good enough: --quiesce (its agent freezes its file systems for the moment that is copied), --stop (it is down for the copy), --crash-consistent (as after a power cut at that moment).',
  ),
  copy_failed: entry(
    502,
    1,
    'the disks of the running guest could not be copied: {why}',
    'It runs on as before. `gantry instance clone --stop` copies them while it is down.',
  ),
  transfer_failed: entry(
    503,
    1,
    '{what} could not be copied from node to node: {why}',
    'It is tried again until the deadline of the operation. Check that the source reaches the port of the target.',
  ),
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
};
