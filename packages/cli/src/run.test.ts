import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { events, FakeApi, page, refuse } from './testing/fake-api.ts';
import { fakeIo } from './testing/fake-io.ts';
import { flavor, instance, node, operation } from './testing/samples.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
});
afterEach(() => api.stop());

const names = { 'GET /v1/nodes': page(node('n1')), 'GET /v1/flavors': page(), 'GET /v1/images': page() };

describe('lists', () => {
  beforeEach(() => {
    const small = instance('web2', {}, 2);
    api.answers = {
      ...names,
      'GET /v1/instances': page(
        { ...small, spec: { ...small.spec, memoryMiB: 512 } },
        instance('web10', { state: 'stopped' }, 3),
      ),
    };
  });

  test('a table, with units, names instead of ids, and the token in the request', async () => {
    const { code, out, err } = await api.gantry('instance', 'list');
    expect(code).toBe(0);
    expect(err).toBe('');
    const [header, first] = out.split('\n');
    expect(header).toMatch(/^NAME {3}STATUS {3}NODE {2}VCPUS {3}MEMORY {2}ADDRESS/);
    expect(first).toMatch(/^web2 {3}running {2}n1 {8}2 {2}512 MiB {2}10.0.0.7 /);
    expect(api.asked.every(({ headers }) => headers.authorization === 'Bearer sentinel-token')).toBe(true);
  });

  test.each<[string[], string]>([
    [['--filter', 'status=running', '-o', 'name'], 'web2\n'],
    [['--filter', 'memory>=1G', '-o', 'name'], 'web10\n'],
    [['-o', 'name', '--sort', 'name'], 'web2\nweb10\n'],
    [['-o', 'name', '--sort', '-name'], 'web10\nweb2\n'],
    [['-o', 'csv', '--fields', 'name,spec.memoryMiB'], 'name,spec.memoryMiB\r\nweb2,512\r\nweb10,1024\n'],
    [['--fields', 'name', '--filter', 'node~^n and not status=stopped'], 'NAME\nweb2\n'],
  ])('%j', async (words, wanted) => {
    expect((await api.gantry('list', ...words)).out).toBe(wanted);
  });

  test('global options may stand anywhere', async () => {
    const { out } = await api.gantry('-o', 'name', 'list', '--sort', 'name');
    expect(out).toBe('web2\nweb10\n');
  });

  test('--project is the project of every request', async () => {
    await api.gantry('list', '--project', 'blue');
    expect(new Set(api.asked.map(({ headers }) => headers['gantry-project']))).toEqual(new Set(['blue']));
    api.asked.length = 0;
    await api.gantry('instance', 'stop', 'web2', '--project', 'Blüe\n', '--yes');
    expect(api.asked[0]?.headers['gantry-project']).toBe('Bl%C3%BCe%0A');
    await api.gantry('list');
    expect(api.asked.at(-1)?.headers['gantry-project']).toBeUndefined();
  });

  test('JSON is the API’s own objects, and no names are fetched for it', async () => {
    const { out } = await api.gantry('list', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject([{ kind: 'instance', name: 'web2' }, { name: 'web10' }]);
    expect(JSON.parse(out)[0]).not.toHaveProperty('names');
    expect(api.asked.map(({ path }) => path)).toEqual(['/v1/instances']);
  });

  test('YAML', async () => {
    expect((await api.gantry('list', '-o', 'yaml', '--filter', 'name=web2')).out).toMatch(
      /^- id: .*\n {2}revision:/,
    );
  });

  test('pages are followed to the last', async () => {
    api.answers['GET /v1/instances'] = ({ query }, response) =>
      response.end(
        JSON.stringify(query['cursor'] ? page(instance('b')) : { ...page(instance('a')), next: 'c1' }),
      );
    expect((await api.gantry('list', '-o', 'name')).out).toBe('a\nb\n');
  });

  test('control characters of names do not reach the terminal', async () => {
    api.answers['GET /v1/instances'] = page(instance('evil\u001b[2J'));
    expect((await api.gantry('list')).out).toContain('evil\\x1b[2J');
  });
});

describe('refusals', () => {
  test.each<[string[], number, string]>([
    [['instance', 'lst'], 2, '[usage]'],
    [['nonsense'], 2, '[usage]'],
    [['list', '--plan'], 2, '[usage]'],
    [['list', '-o', 'xml'], 2, '[usage]'],
    [['list', '--fields', 'nmae'], 2, 'did you mean name?'],
    [['list', '--filter', 'name='], 2, '[invalid_argument]'],
    [['list', '--filter', 'status=runing'], 2, 'did you mean running?'],
    [['instance', 'create', 'x', '--memory', '1024'], 2, 'a size with its unit'],
    [['instance', 'create', 'x', '--nic', 'netwrk=a'], 2, 'did you mean network?'],
    [['instance', 'delete', 'web1'], 2, 'add --yes'],
    [['flavor', 'set', 'small'], 2, 'nothing to set'],
    [['image', 'import', '/no/such/file'], 2, 'a file that exists'],
    [['context', 'use', 'nowhere'], 3, '[not_found]'],
    [['--cluster', 'nowhere', 'list'], 3, 'context nowhere does not exist'],
    [['explain', 'instance.spce'], 2, 'did you mean instance.spec?'],
  ])('%j ends with %i', async (words, code, text) => {
    api.answers = { ...names, 'GET /v1/instances': page() };
    const result = await api.gantry(...words);
    expect(result.code).toBe(code);
    expect(result.err).toContain(text);
    expect(result.err).toMatch(/^error: /);
    expect(result.out).toBe('');
  });

  test('of the API: what, why, code, what to do, request', async () => {
    api.answers['GET /v1/instances/web1'] = (_, response) =>
      refuse(response, 'not_found', { kind: 'instance', name: 'web1' });
    const { code, err } = await api.gantry('instance', 'show', 'web1');
    expect(code).toBe(3);
    expect(err).toMatch(
      /^error: instance web1 does not exist {2,}\[not_found\]\n {2}List what exists .*\n {2}request req-sentinel\n$/,
    );
  });

  test('of a create without a place: each line apart, and where the whole decision is', async () => {
    api.answers['GET /v1/instances/web1'] = (_, response) =>
      refuse(response, 'no_capacity', {
        name: 'web1',
        asked: ' (1 vCPU, memory 64 GiB)',
        why: '2 nodes looked at:  1 drained   1 memory (best n2: 41.0 GiB free, short by 23.4)',
        waysOut: 'ways out: --memory 40G · gantry node undrain n1',
      });
    const { code, err } = await api.gantry('instance', 'show', 'web1');
    expect(code).toBe(6);
    expect(err.replace(/ {2,}\[/, ' [').split('\n')).toEqual([
      'error: no node can take web1 (1 vCPU, memory 64 GiB) [no_capacity]',
      '  2 nodes looked at:  1 drained   1 memory (best n2: 41.0 GiB free, short by 23.4)',
      '  ways out: --memory 40G · gantry node undrain n1',
      '  request req-sentinel · gantry placement show req-sentinel',
      '',
    ]);
  });

  test('an API that is away ends with 8', async () => {
    const io = fakeIo({ ...api.env, GANTRY_ENDPOINT: `unix:${api.dir}/none.sock` });
    const { code, err } = await api.gantryWith(io, 'list');
    expect(code).toBe(8);
    expect(err).toContain('there is no such socket');
  });

  test('nothing was asked of the API before the input was read', async () => {
    await api.gantry('instance', 'create', 'x', '--disk', '10');
    expect(api.asked).toEqual([]);
  });
});

describe('operations', () => {
  const watch = 'GET /v1/operations/00000000-0000-4000-8000-000000000070/watch';
  const steps = (state: 'running' | 'done') => [
    { name: 'placed', state: 'done' as const, detail: 'n1' },
    { name: 'running', state, startedAt: '2026-01-01T10:00:00.000Z', endedAt: '2026-01-01T10:00:01.500Z' },
  ];
  beforeEach(() => {
    api.answers = {
      'POST /v1/instances': operation('running', { steps: steps('running') }),
      'GET /v1/instances/00000000-0000-4000-8000-000000000001': instance('web1', {
        timeline: { submittedAt: '2026-01-01T10:00:00.000Z', qemuRunningAt: '2026-01-01T10:00:01.500Z' },
      }),
    };
    api.answers[watch] = events(
      { event: 'log', data: { at: '2026-01-01T10:00:00.000Z', level: 'warn', text: 'slow mirror' } },
      { event: 'operation', data: operation('succeeded', { steps: steps('done') }) },
    );
  });

  test('create: the request, progress on stderr, the next command, nothing on stdout', async () => {
    const { code, out, err } = await api.gantry(
      'launch',
      'debian/12',
      'web1',
      '--disk',
      '10G',
      '--nic',
      'lab,ip=none',
      '--label',
      'a=b',
    );
    expect(api.asked[0]?.body).toEqual({
      name: 'web1',
      image: 'debian/12',
      flavor: 'small',
      labels: { a: 'b' },
      disks: [{ sizeMiB: 10_240 }],
      nics: [{ network: 'lab', address: 'none' }],
    });
    expect(err).toBe(
      [
        'op 12  create instance web1',
        '  placed   n1',
        '    warn: slow mirror',
        '  running  1.50 s',
        'done in 1.80 s   gantry console web1',
        '  address   10.0.0.7',
        '  timeline  QEMU running +1.50 s',
        '',
      ].join('\n'),
    );
    expect([code, out]).toEqual([0, '']);
  });

  test('-o json gives the operation as it ended', async () => {
    const { out } = await api.gantry('launch', 'debian/12', 'web1', '-o', 'json', '--quiet');
    expect(JSON.parse(out)).toMatchObject({ kind: 'operation', status: { state: 'succeeded' } });
  });

  test('--detach prints the operation and does not wait', async () => {
    const { out } = await api.gantry('launch', 'debian/12', 'web1', '--detach');
    expect(out).toBe('op 12  create instance web1\n');
    expect(api.asked).toHaveLength(1);
  });

  test('--plan asks for a plan and prints it', async () => {
    api.answers['POST /v1/instances'] = { plan: ['first', 'second'] };
    const { out } = await api.gantry('launch', 'debian/12', 'web1', '--plan');
    expect(api.asked[0]?.query).toEqual({ plan: 'true' });
    expect(out).toBe('first\nsecond\n');
  });

  test('a failure is the operation’s own error and its exit code', async () => {
    const error = { type: 'x', code: 'no_space', title: 'x', status: 507, params: { where: 'n1' } };
    api.answers[watch] = events({ event: 'operation', data: operation('failed', { error }) });
    const { code, err } = await api.gantry('launch', 'debian/12', 'web1');
    expect(code).toBe(6);
    expect(err).toContain('error: no space left on n1');
  });

  test('a cancelled one ends with 1 and says by whom', async () => {
    api.answers[watch] = events({ event: 'operation', data: operation('cancelled') });
    expect(await api.gantry('launch', 'debian/12', 'web1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('was cancelled'),
    });
  });

  test('a stream that breaks off is taken up again', async () => {
    const whole = api.answers[watch] as ReturnType<typeof events>;
    api.answers[watch] = (asked, response) => {
      if (api.asked.filter(({ path }) => path.endsWith('/watch')).length === 1) response.socket?.destroy();
      else whole(asked, response);
    };
    expect((await api.gantry('launch', 'debian/12', 'web1')).code).toBe(0);
  });

  test('--timeout ends the waiting with 7, and says that the operation goes on', async () => {
    api.answers[watch] = (_, response) => response.writeHead(200).flushHeaders();
    const { code, err } = await api.gantry('launch', 'debian/12', 'web1', '--timeout', '50ms');
    expect(code).toBe(7);
    expect(err).toContain('gantry op watch 12');
  });

  test('Ctrl-C detaches', async () => {
    const io = fakeIo(api.env);
    api.answers[watch] = (_, response) => {
      response.writeHead(200).flushHeaders();
      io.interrupt();
    };
    const { code, err } = await api.gantryWith(io, 'launch', 'debian/12', 'web1');
    expect(code).toBe(7);
    expect(err).toContain('the operation goes on. To take it back: gantry op cancel 12');
  });

  test('of several names a refused one does not hide what was started', async () => {
    for (const name of ['web1', 'web2', 'web3']) api.answers[`GET /v1/instances/${name}`] = instance(name);
    api.answers['POST /v1/instances/web1/stop'] = operation('succeeded');
    api.answers['POST /v1/instances/web2/stop'] = (_, response) =>
      refuse(response, 'busy', { kind: 'instance', name: 'web2', operation: 3 });
    const { code, err } = await api.gantry('instance', 'stop', 'web1', 'web2', 'web3');
    expect(code).toBe(5);
    expect(err).toMatch(/op 12 .*\n(.*\n)*error: instance web2 is busy/);
    expect(api.asked.map(({ path }) => path)).not.toContain('/v1/instances/web3/stop');
  });

  test('of several names a mistyped one is told before anything is begun', async () => {
    api.answers['GET /v1/instances/web1'] = instance('web1');
    api.answers['GET /v1/instances/wbe2'] = (_, response) =>
      refuse(response, 'not_found', { kind: 'instance', name: 'wbe2', similar: 'web2' });
    const { code, err } = await api.gantry('instance', 'delete', 'web1', 'wbe2', '--yes');
    expect(code).toBe(3);
    expect(err).toContain('Did you mean web2?');
    expect(api.asked.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('what was said of an attempt is not said again of its step', async () => {
    const why = 'the mirror does not answer';
    const line = { event: 'log', data: { at: '2026-01-01T10:00:00.000Z', level: 'error', text: why } };
    const step = { name: 'disk ready', state: 'failed' as const, detail: why };
    const error = { type: 'x', code: 'no_space', title: 'x', status: 507, params: { where: 'n1' } };
    const failed = { event: 'operation', data: operation('failed', { steps: [step], error }) };
    api.answers[watch] = events(line, line, failed);
    const told = (await api.gantry('launch', 'debian/12', 'web1')).err;
    expect(told.split(why)).toHaveLength(2);
    expect(told).toContain('  disk ready  failed\n');
  });
});

describe('flavors', () => {
  test.each<[string[], Record<string, string | null>, string]>([
    [
      ['--rng', '24B/5s'],
      { 'hw_rng:allowed': 'true', 'hw_rng:rate_bytes': '24', 'hw_rng:rate_period': '5000' },
      '24 B per 5000 ms = 4.8 B/s, burst 24 B, a guest waits at most 5 s',
    ],
    [
      ['--rng', 'off'],
      { 'hw_rng:allowed': 'false', 'hw_rng:rate_bytes': null, 'hw_rng:rate_period': null },
      'off',
    ],
    [['--watchdog', 'reset'], { 'hw:watchdog_action': 'reset' }, 'the guest is reset'],
    [
      ['--property', 'hw_rng:rate_bytes=5', '--property', 'hw_rng:rate_period=1000'],
      { 'hw_rng:rate_bytes': '5', 'hw_rng:rate_period': '1000' },
      '5 B per 1000 ms = 5 B/s, burst 5 B, a guest waits at most 1 s',
    ],
    [['--unset', 'hw:pmu'], { 'hw:pmu': null }, ''],
  ])('set %j', async (words, extraSpecs, meaning) => {
    const specs = Object.fromEntries(
      Object.entries(extraSpecs).filter(([, value]) => value !== null),
    ) as Record<string, string>;
    api.answers['PATCH /v1/flavors/small'] = flavor('small', specs);
    const { code, err } = await api.gantry('flavor', 'set', 'small', ...words);
    expect(code).toBe(0);
    expect(api.asked[0]?.body).toEqual({ extraSpecs });
    expect(err).toContain(meaning);
  });
});

describe('image import', () => {
  test('uploads the file under the stated format', async () => {
    const file = join(api.dir, 'cloud.qcow2');
    writeFileSync(file, 'QFI-sentinel');
    const image = {
      ...flavor('x'),
      kind: 'image',
      name: 'cloud',
      spec: { source: 'file', format: 'qcow2' },
      status: { state: 'ready' },
    };
    api.answers['POST /v1/images'] = image;
    api.answers[`PUT /v1/images/${image.id}/content`] = image;
    const { code } = await api.gantry('image', 'import', file, '--property', 'hw_machine_type=q35');
    expect(code).toBe(0);
    expect(api.asked.map(({ body }) => body)).toEqual([
      { name: 'cloud', spec: { source: 'file', format: 'qcow2', properties: { hw_machine_type: 'q35' } } },
      'QFI-sentinel',
    ]);
    expect(api.asked[1]?.headers['content-length']).toBe('12');
  });

  test('a refused content leaves no empty image behind', async () => {
    const file = join(api.dir, 'bad.raw');
    writeFileSync(file, 'x');
    const image = {
      ...flavor('x'),
      kind: 'image',
      name: 'bad',
      spec: { source: 'file' },
      status: { state: 'empty' },
    };
    api.answers['POST /v1/images'] = image;
    api.answers[`PUT /v1/images/${image.id}/content`] = (_, response) =>
      refuse(response, 'image_unsafe', { why: 'it names a backing file' });
    api.answers[`DELETE /v1/images/${image.id}`] = {};
    const { code, err } = await api.gantry('image', 'import', file);
    expect(code).toBe(2);
    expect(err).toContain('it names a backing file');
    expect(api.asked.at(-1)?.method).toBe('DELETE');
  });
});

test('node drain --plan tells of each guest, and sets nothing', async () => {
  const step = { instance: 'i', state: 'running', diskMiB: 2048 };
  api.answers = {
    'GET /v1/nodes/n1/drain': {
      node: 'n',
      name: 'n1',
      role: 'active',
      steps: [
        { ...step, name: 'web1', way: 'stop', to: 'n2', why: 'it runs' },
        { ...step, name: 'db1', way: 'blocked', why: 'it is locked', remedy: 'unlock it' },
      ],
    },
  };
  const { out } = await api.gantry('node', 'drain', 'n1', '--plan');
  expect(out).toMatch(/web1 +running +shut down, moved, started again +n2 +it runs/);
  expect(out).toMatch(/db1 +running +blocked +- +because it is locked/);
  expect(out).toMatch(/What lets them go[\s\S]*db1 +unlock it/);
  expect(out).toContain('2: 0 moved as they are, 1 shut down for it and started again, 1 blocked');
  expect(out).toContain('at most 2 GiB of disks');
  expect(api.asked.map(({ method }) => method)).toEqual(['GET']);
  // what is not permitted is not foretold
  const evacuate = ['node', 'evacuate', 'n1', '--plan'];
  const stays = (await api.gantry(...evacuate)).out;
  expect(stays).toMatch(/web1 +running +stays +- +it runs: --allow-stop/);
  expect(stays).not.toContain('of disks');
  expect((await api.gantry(...evacuate, '--allow-stop')).out).toBe(out);
});

test('instance show: why each setting is as it is', async () => {
  api.answers = {
    ...names,
    'GET /v1/networks': page(),
    'GET /v1/projects': page(),
    'GET /v1/instances/web1': instance('web1', {
      conditions: [
        {
          type: 'Ready',
          status: 'false',
          reason: 'NoDisk',
          message: 'the disk is gone',
          since: '2026-01-01T10:00:00.000Z',
        },
      ],
    }),
    'GET /v1/instances/00000000-0000-4000-8000-000000000001/affinity': {
      items: [
        { rule: { policy: 'anti-affinity', label: 'app=db' }, satisfied: false, why: 'db2 is there' },
        { rule: { policy: 'affinity', instance: 'web1' }, by: 'web2', satisfied: true, why: 'none' },
      ],
    },
    'GET /v1/instances/00000000-0000-4000-8000-000000000001/guest': {
      status: {
        state: 'running',
        explanation: [
          { path: 'rng', value: 'virtio', level: 'builtin', source: 'rng', rule: 'on unless switched off' },
          {
            path: 'watchdog/@action',
            value: 'reset',
            level: 'flavor',
            source: 'hw:watchdog_action',
            rule: 'set in the flavor',
          },
          { path: 'alias', value: 'x', level: 'libvirt', source: '', rule: 'added by libvirt' },
        ],
      },
    },
  };
  const { out } = await api.gantry('instance', 'show', 'web1');
  expect(out).toContain('Ready does not hold (NoDisk): the disk is gone');
  expect(out).toMatch(/anti-affinity +app=db +not kept +db2 is there/);
  expect(out).toMatch(/affinity of web2 +web1 +kept/);
  expect(out).toMatch(/\* watchdog\/@action {2}reset {3}flavor \(hw:watchdog_action\) {2}set in the flavor/);
  expect(out).toContain('1 more, and the XML: -o wide');
  expect(out).not.toContain('alias');
});

test('contexts: made with the token of the environment, kept for the user alone, used afterwards', async () => {
  const { GANTRY_ENDPOINT: url = '', ...rest } = api.env;
  const io = () => fakeIo(rest);
  expect((await api.gantryWith(io(), 'context', 'use', 'lab', '--url', url)).code).toBe(0);
  const file = rest['GANTRY_CONFIG'] ?? '';
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    current: 'lab',
    contexts: { lab: { url, token: 'sentinel-token' } },
  });
  const listed = await api.gantryWith(io(), 'context', 'list');
  expect(listed.out).toContain('lab');
  expect(listed.out).not.toContain('sentinel-token');
  const { GANTRY_TOKEN: _, ...bare } = rest;
  api.answers = { 'GET /v1/instances': page() };
  await api.gantryWith(fakeIo(bare), 'list', '-o', 'json');
  expect(api.asked[0]?.headers.authorization).toBe('Bearer sentinel-token');
});

test.each([
  ['a name that is no word', ['__proto__', '--url', 'unix:/x']],
  ['a name that steers', ['lab\u001b[2J', '--url', 'unix:/x']],
  ['an address that is none', ['lab', '--url', 'ftp://x']],
  ['a token on the wire for all to read', ['lab', '--url', 'http://10.0.0.1:7460']],
])('no context is made of %s', async (_, words) => {
  const { code } = await api.gantry('context', 'use', ...words);
  expect(code).toBe(2);
  expect(existsSync(api.env['GANTRY_CONFIG'] ?? '')).toBe(false);
});

test('a context that is added while one is asked about the removal of another is kept', async () => {
  const file = api.env['GANTRY_CONFIG'] ?? '';
  const write = (...names: string[]) =>
    writeFileSync(
      file,
      JSON.stringify({ contexts: Object.fromEntries(names.map((name) => [name, { url: 'unix:/x' }])) }),
    );
  write('old');
  const io = fakeIo(api.env, {});
  io.stdin.isTTY = true;
  const removal = api.gantryWith(io, 'context', 'remove', 'old');
  await expect.poll(() => io.err()).toContain('Forget context old?');
  write('old', 'new');
  io.stdin.end('y\n');
  expect((await removal).code).toBe(0);
  expect(Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { contexts: object }).contexts)).toEqual([
    'new',
  ]);
});

test('a broken configuration is told, not overwritten', async () => {
  const file = api.env['GANTRY_CONFIG'] ?? '';
  writeFileSync(file, '{ half');
  const { code, err } = await api.gantry('context', 'use', 'lab', '--url', 'unix:/x');
  expect(code).toBe(2);
  expect(err).toContain(file);
  expect(readFileSync(file, 'utf8')).toBe('{ half');
});

test('--trace tells every request, and never the token', async () => {
  api.answers = { 'GET /v1/instances': page() };
  const { err } = await api.gantry('list', '-o', 'json', '--trace');
  expect(err).toMatch(/^trace: GET \/v1\/instances\?limit=1000 -> 200 in /);
  expect(err).not.toContain('sentinel-token');
});

test('--version', async () => {
  expect(await api.gantry('--version')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+[.]\d+[.]\d+\n$/),
  });
  expect(existsSync(join(api.dir, 'config.json'))).toBe(false);
});
