/**
 * The API, once: server handlers, typed client, OpenAPI and reference docs all derive from this table.
 * Long work answers 202 with an Operation. `plan: true` routes take `?plan=true` and answer what would happen.
 */
import { accessRoutes } from './routes/access.ts';
import { adoptionRoutes } from './routes/adoption.ts';
import { agentsRoutes } from './routes/agents.ts';
import { catalogueRoutes } from './routes/catalogue.ts';
import { cdsRoutes } from './routes/cds.ts';
import { clusterRoutes } from './routes/cluster.ts';
import { disksRoutes } from './routes/disks.ts';
import { instancesRoutes } from './routes/instances.ts';
import { nicsRoutes } from './routes/nics.ts';
import { nodesRoutes } from './routes/nodes.ts';
import { recordsRoutes } from './routes/records.ts';
import type { Plan as PlanSchema, Route } from './routes/shapes.ts';
import type { Static, TSchema } from './schema.ts';

export { Member, Whoami } from './routes/access.ts';
export { TaskStatus, WatchQuery } from './routes/records.ts';
export type { Route } from './routes/shapes.ts';

export const routes = {
  ...clusterRoutes,
  ...nodesRoutes,
  ...catalogueRoutes,
  ...instancesRoutes,
  ...adoptionRoutes,
  ...disksRoutes,
  ...nicsRoutes,
  ...cdsRoutes,
  ...recordsRoutes,
  ...accessRoutes,
  ...agentsRoutes,
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
export type Body<N extends RouteName> = Routes[N] extends { body: infer B extends TSchema }
  ? Static<B>
  : undefined;
export type Query<N extends RouteName> = Routes[N] extends { query: infer Q extends TSchema }
  ? Static<Q>
  : undefined;
export type Response<N extends RouteName> = Routes[N] extends { response: infer R extends TSchema }
  ? Static<R>
  : never;
export type Plan = Static<typeof PlanSchema>;
