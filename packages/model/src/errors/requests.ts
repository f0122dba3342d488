import { entry } from './entry.ts';

/** What the caller sent: bodies, arguments, properties. */
export const requestErrors = {
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
  not_supported: entry(501, 2, '{what} is not built into this version', '{instead}'),
  idempotency_mismatch: entry(
    409,
    5,
    'the idempotency key was used before with another request',
    'Use a new key for a new request.',
  ),
  no_route: entry(404, 3, 'the API has no {method} {path}', 'See /openapi.json for what it offers.'),
};
