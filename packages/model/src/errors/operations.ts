import { entry } from './entry.ts';

/** How operations end otherwise than wished. */
export const operationErrors = {
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
  no_nodes: entry(
    409,
    5,
    'there is no node to do that on: {why}',
    'Choose others with `--node NAME`, `--group NAME` or `--all`; `gantry node list` shows them with group and role.',
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
};
