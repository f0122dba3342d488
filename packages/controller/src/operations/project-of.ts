/** In which project new things are made. */
import { err, heldIn, type ProjectId } from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { requireRoleAt } from '../api/caller.ts';

/**
 * That of the request or of the token, the only one that the caller may do so in, or `default` for who may everywhere.
 * @throws GantryError `which_project`, `forbidden`
 */
export async function projectOf({ app, caller }: Asking): Promise<ProjectId> {
  const { project, role, rights, needs } = caller;
  if (project !== undefined) return requireHeld({ app, caller }, project);
  if (role !== undefined && (needs as readonly string[]).includes(role)) return defaultProject(app);
  const possible = [...rights.projects.keys()].filter((id) => heldIn(rights, id, needs));
  const [only, ...others] = possible;
  if (only !== undefined && others.length === 0) return only;
  const names = await Promise.all(
    possible.map(async (id) => (await app.store.get('project', id))?.name ?? id),
  );
  throw err('which_project', { projects: names.toSorted().join(', ') });
}

async function requireHeld({ app, caller }: Asking, id: ProjectId): Promise<ProjectId> {
  const project = await app.store.get('project', id);
  if (!project) throw err('not_found', { kind: 'project', name: id });
  requireRoleAt(caller, project);
  return id;
}

async function defaultProject(app: Asking['app']): Promise<ProjectId> {
  const [found] = await app.store.named('project', 'default');
  if (!found) throw err('not_found', { kind: 'project', name: 'default' });
  return found.id as ProjectId;
}
