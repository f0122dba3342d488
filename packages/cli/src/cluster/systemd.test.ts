import { expect, test } from 'vitest';
import { layoutOf, type Settings } from './layout.ts';
import { agentUnit, controllerUnit, quoteWord } from './systemd.ts';

const settings: Settings = {
  name: 'lab',
  node: 'n1',
  mode: 'systemd',
  bridge: 'gantry0',
  subnet: '10.0.0.0/24',
  libvirt: '/run/libvirt/libvirt-sock',
  listen: '127.0.0.1:7460',
  complete: false,
};
const programs = { node: '/opt/g/lib/node', server: '/opt/g/server.mjs', agent: '/opt/g/agent.mjs' };
const layout = layoutOf('/srv/my state');

test('the controller runs as its own user, and may write its store and its socket only', () => {
  const unit = controllerUnit(layout, settings, programs);
  expect(unit).toContain(
    'ExecStart=/opt/g/lib/node /opt/g/server.mjs --state "/srv/my state" --listen 127.0.0.1:7460\n',
  );
  expect(unit).toContain('User=gantry\n');
  expect(unit).toContain('ReadWritePaths="/srv/my state/controller" "/srv/my state/run"\n');
  expect(unit).toContain('NoNewPrivileges=yes\n');
  expect(unit).toContain('LimitNOFILE=65536\n');
});

test('the end of the agent leaves what it started for guests', () => {
  const unit = agentUnit(layout, settings, programs);
  expect(unit).toContain('KillMode=process\n');
  expect(unit).toContain('--libvirt /run/libvirt/libvirt-sock');
});

test.each([controllerUnit(layout, settings, programs), agentUnit(layout, settings, programs)])(
  'one that fails again and again, as on a full disk, is started again for ever',
  (unit) => {
    expect(unit).toMatch(/\[Unit\][^[]*StartLimitIntervalSec=0\n/);
    expect(unit).toMatch(/\[Service\][^[]*Restart=on-failure\nRestartSec=1\n/);
  },
);

test.each([
  ['/a/b-c.d', '/a/b-c.d'],
  ['a b', '"a b"'],
  ['100%', '"100%%"'],
  ['$HOME', '"$$HOME"'],
  ['say "x"\\', '"say \\"x\\"\\\\"'],
])('word %s', (word, quoted) => {
  expect(quoteWord(word)).toBe(quoted);
});
