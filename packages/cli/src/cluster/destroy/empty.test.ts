import type { ServerResponse } from 'node:http';
import { Client } from '@gantry/client';
import { isGantryError } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Globals, Session } from '../../session.ts';
import { FakeApi, page, refuse } from '../../testing/fake-api.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { emptyCluster } from './empty.ts';
import type { Losses } from './losses.ts';

let api: FakeApi;
/** Of each node, as setNode was told. */
let roles: string[];
const losses: Losses = {
  cluster: { id: 'c', name: 'prod' },
  ...{ instances: [], disks: { count: 0, bytes: 0 }, images: [], networks: [] },
  nodes: [
    { name: 'n1', state: 'ready' },
    { name: 'n2', state: 'ready' },
    { name: 'n3', state: 'ready', drained: true },
  ],
};

beforeEach(async () => {
  roles = [];
  api = new FakeApi();
  for (const name of ['n1', 'n2', 'n3'])
    api.answers[`PATCH /v1/nodes/${name}`] = ({ body }, response) => {
      roles.push(`${name} ${(body as { role: string }).role}`);
      response.end('{}');
    };
  const lists = ['instances', 'disks', 'images', 'networks'].map((kind) => [`GET /v1/${kind}`, page()]);
  Object.assign(api.answers, Object.fromEntries(lists));
  api.answers['GET /v1/cluster'] = { id: 'c', name: 'prod' };
  api.answers['GET /v1/nodes'] = page(
    ...losses.nodes.map(({ name }) => ({
      id: name,
      name,
      spec: { role: 'drained' },
      status: { state: 'ready' },
    })),
  );
  await api.start();
});
afterEach(() => api.stop());

async function empty() {
  const io = fakeIo(api.env);
  const client = new Client({ url: api.env['GANTRY_ENDPOINT'] ?? '' });
  const session = new Session(io, { yes: true } as Globals, () => client);
  const consent = { stopGuests: true, leaveBehind: [] };
  try {
    await emptyCluster(session, client, { losses, consent, local: 'n1' });
    return { code: undefined, said: io.err() };
  } catch (error) {
    return { code: isGantryError(error) ? error.code : String(error), said: io.err() };
  } finally {
    client.close();
  }
}
const refused = (_: unknown, response: ServerResponse) =>
  refuse(response, 'in_use', { kind: 'node', name: 'n2', users: 'a disk of nobody' });

test('all go but the one of this machine', async () => {
  for (const name of ['n2', 'n3']) api.answers[`DELETE /v1/nodes/${name}`] = {};
  expect(await empty()).toMatchObject({ code: undefined });
  expect(roles).toEqual(['n1 drained', 'n2 drained']);
});

test('refused on the way, nodes take guests as before', async () => {
  api.answers['DELETE /v1/nodes/n2'] = refused;
  expect(await empty()).toMatchObject({ code: 'in_use' });
  expect(roles).toEqual(['n1 drained', 'n2 drained', 'n1 active', 'n2 active']);
});

test('refused before all were drained, too; what drained them before does so on', async () => {
  api.answers['PATCH /v1/nodes/n2'] = ({ body }, response) => {
    if ((body as { role: string }).role === 'drained') return refused(undefined, response);
    roles.push('n2 active');
    response.end('{}');
  };
  expect(await empty()).toMatchObject({ code: 'in_use' });
  expect(roles).toEqual(['n1 drained', 'n1 active', 'n2 active']);
});

test('where that cannot be, it is told; who has left is none of it', async () => {
  api.answers['DELETE /v1/nodes/n2'] = {};
  api.answers['DELETE /v1/nodes/n3'] = refused;
  for (const name of ['n1', 'n2'])
    api.answers[`PATCH /v1/nodes/${name}`] = ({ body }, response) => {
      if ((body as { role: string }).role === 'drained') return response.end('{}');
      if (name === 'n1') return refused(undefined, response);
      return refuse(response, 'not_found', { kind: 'node', name });
    };
  const { code, said } = await empty();
  expect(code).toBe('in_use');
  expect(said).toMatch(/gantry node undrain n1\n$/);
});
