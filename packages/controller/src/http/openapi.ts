/** OpenAPI 3.1 from the route table: its schemas are JSON Schema already. */
import {
  PROJECT_HEADER,
  Problem,
  type Route,
  type RouteName,
  routes,
  type TSchema,
  version,
} from '@gantry/model';

/** The document at /openapi.json. */
export function openapi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Gantry', version, description: 'Clusters of virtual machines on libvirt and QEMU' },
    paths,
    components: {
      schemas: { Problem },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ token: [] }],
  };
}

function operation(name: string, route: Route): object {
  const body = route.body ?? (route.stream === 'bytes-in' ? {} : undefined);
  return {
    operationId: name,
    summary: route.summary,
    ...(route.roles.length > 0 ? { 'x-roles': route.roles } : { security: [] }),
    parameters: [
      ...pathParameters(route.path),
      ...queryParameters(route.query),
      ...(route.roles.length > 0 ? [projectParameter] : []),
    ],
    ...(body ? { requestBody: { required: true, content: { [requestType(route)]: { schema: body } } } } : {}),
    responses: {
      [route.status]: {
        description: route.summary,
        content: { [responseType(route)]: { schema: route.response } },
      },
      default: {
        description: 'refused or failed',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

const projectParameter = {
  name: PROJECT_HEADER,
  in: 'header',
  description: 'name or id of the one project that the request is about, percent-encoded',
  schema: { type: 'string' },
};

const requestType = ({ stream }: Route): string =>
  stream === 'bytes-in' ? 'application/octet-stream' : 'application/json';

const responseType = ({ stream }: Route): string => {
  if (stream === 'events') return 'text/event-stream';
  return stream === 'bytes-out' ? 'application/octet-stream' : 'application/json';
};

const pathParameters = (path: string): object[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

function queryParameters(schema: TSchema | undefined): object[] {
  const { properties = {}, required = [] } = (schema ?? {}) as { properties?: object; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: property,
  }));
}
