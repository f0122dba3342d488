/** Which objects of a kind are looked at for a caller, so that pages are full; who may see what is `sees` to say. */
import type { Kind } from '../kinds.ts';
import type { Filter } from '../store/store.ts';
import type { Caller } from './caller.ts';

/** Kinds that belong to a project; of images and networks one also sees those of no project. */
const ofProject: readonly Kind[] = ['instance', 'disk', 'operation', 'guest'];

export function projectFilter({ role, rights, onlyProject, user }: Caller, kind: Kind): Filter {
  if (kind === 'token' && role !== 'admin') return { owner: user?.id ?? 'nobody' };
  if (!ofProject.includes(kind)) return {};
  if (onlyProject) return { projects: [onlyProject] };
  return role === undefined ? { projects: [...rights.projects.keys()] } : {};
}
