import type { Node } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi, page } from '../../testing/fake-api.ts';
import { node } from '../../testing/samples.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  const spec = { mode: 'uplink' };
  const network = { kind: 'network', id: 'x', name: 'lan', revision: '1.1', generation: 1, spec, status: {} };
  api.answers = {
    'POST /v1/networks': network,
    'PATCH /v1/networks/lan': network,
    'GET /v1/nodes': page(),
    'GET /v1/networks/x/nodes': page(),
  };
});
afterEach(() => api.stop());

const four = [
  '--gateway',
  '10.1.0.1',
  '--pool',
  '10.1.0.50-10.1.0.99',
  '--dns',
  '10.1.0.2',
  '--reserve',
  '10.1.0.60',
];
const six = [
  '--gateway6',
  'fe80::1',
  '--pool6',
  'fd00::50-fd00::99',
  '--dns',
  'fd00::2',
  '--reserve',
  'fd00::60',
];
const wanted4 = {
  gateway: '10.1.0.1',
  poolStart: '10.1.0.50',
  poolEnd: '10.1.0.99',
  dns: ['10.1.0.2'],
  reserved: ['10.1.0.60'],
};
const wanted6 = {
  gateway: 'fe80::1',
  poolStart: 'fd00::50',
  poolEnd: 'fd00::99',
  dns: ['fd00::2'],
  reserved: ['fd00::60'],
};

test('each flag goes to the subnet of its family', async () => {
  const segment = ['--uplink', 'up1', '--subnet', '10.1.0.0/24', '--subnet6', 'fd00::/64'];
  await api.gantry('network', 'create', 'lan', ...segment, ...four, ...six);
  expect(api.asked[0]?.body).toMatchObject({
    spec: { subnet: { cidr: '10.1.0.0/24', ...wanted4 }, subnet6: { cidr: 'fd00::/64', ...wanted6 } },
  });
});

test('and so it is changed', async () => {
  await api.gantry('network', 'set', 'lan', ...four, ...six);
  const { reserved: _, ...parts4 } = wanted4;
  const { reserved: __, ...parts6 } = wanted6;
  expect(api.asked[0]?.body).toEqual({
    subnet: parts4,
    subnet6: parts6,
    reserve: ['10.1.0.60', 'fd00::60'],
  });
});

test('reserved addresses go one by one', async () => {
  await api.gantry('network', 'set', 'lan', '--reserve', 'FD00::61', '--release', '10.1.0.60');
  expect(api.asked[0]?.body).toEqual({ reserve: ['fd00::61'], release: ['10.1.0.60'] });
});

test('what a node says against it is told, once it has said so of the network as it is now', async () => {
  const n1 = node('n1') as Node;
  const attachment = (observedGeneration: number, status: object) => ({
    ...{ kind: 'attachment', id: 'a', name: 'lan', revision: '1.2', generation: 2, observedGeneration },
    ...{ spec: { node: n1.id, mode: 'uplink' }, status },
  });
  const failed = { state: 'failed', error: { title: 'there is no interface eth9 on the node' } };
  const said = [
    attachment(1, { state: 'ready' }),
    attachment(2, { state: 'pending' }),
    attachment(2, failed),
  ];
  api.answers['GET /v1/nodes'] = page(n1);
  api.answers['GET /v1/networks/x/nodes'] = (_, response) =>
    void response.end(JSON.stringify(page((said.length > 1 ? said.shift() : said[0]) ?? {})));
  const { code, out, err } = await api.gantry('network', 'create', 'lan', '--uplink', 'eth9');
  expect([code, err]).toEqual([0, 'warning: lan on node n1: there is no interface eth9 on the node\n']);
  expect(out).toContain('uplink');
  expect(said).toHaveLength(1);
});
