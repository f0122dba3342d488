import { type RouteName, routes } from '@gantry/model';
import { expect, test } from 'vitest';
import { addressOf, endpoints } from './endpoints.ts';

test('the list of endpoints is the route table', () => {
  const expected = Object.fromEntries(
    Object.entries(routes).map(([name, route]) => [name, `${route.method} ${route.path}`]),
  );
  expect(endpoints).toEqual(expected);
});

test.each<[RouteName, Record<string, string>, Record<string, string | number | boolean | undefined>, string]>(
  [
    ['getInstance', { ref: 'web1' }, {}, '/v1/instances/web1'],
    ['getImage', { ref: 'debian/12' }, {}, '/v1/images/debian%2F12'],
    ['startInstance', { ref: '../tokens?x' }, {}, '/v1/instances/..%2Ftokens%3Fx/start'],
    [
      'listInstances',
      {},
      { limit: 5, labels: 'a=b&c', cursor: undefined },
      '/v1/instances?limit=5&labels=a%3Db%26c',
    ],
    ['createInstance', {}, { plan: true }, '/v1/instances?plan=true'],
  ],
)('%s %j %j', (name, params, query, path) => {
  expect(addressOf(name, params, query).path).toBe(path);
});
