import { type ErrorEntry, entry } from './entry.ts';
import { whereabouts } from './whereabouts.ts';

/** What is there already, and who uses or holds it. */
export const objectErrors = {
  not_found: {
    ...entry(404, 3, '{kind} {name} does not exist', 'List what exists with `gantry {kind} list`.'),
    hintOf: ({ kind, similar, node }) =>
      `${similar ? `Did you mean ${similar}? ` : ''}${whereabouts(String(kind), node)}`,
  },
  ambiguous: entry(409, 5, '{name} could mean {matches}', 'Write the id, or add --project.'),
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
  revision_compacted: entry(
    410,
    1,
    'changes since revision {revision} are no longer kept',
    'List again and watch from the revision of the list.',
  ),
} satisfies Record<string, ErrorEntry>;
