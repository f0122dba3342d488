import { entry } from './entry.ts';

/** Room for guests: nodes and quotas. */
export const placingErrors = {
  no_capacity: entry(409, 6, 'no node can take {name}{asked}\n{why}', '{waysOut}'),
  quota_exceeded: entry(
    409,
    6,
    'project {project} may not have so much: {why}',
    'Delete or shrink what is not needed (`gantry project show {project}`), or ask an administrator: `gantry project set {project} --quota {enough}`.',
  ),
  cannot_grow: entry(409, 6, 'node {node} cannot give {name} what it would need: {why}', '{waysOut}'),
  flavor_too_small: entry(
    409,
    5,
    '{flavor} has {has} of {what}, and the image needs {needs}',
    'Choose a larger flavor.',
  ),
};
