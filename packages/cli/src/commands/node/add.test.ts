import { expect, test } from 'vitest';
import { joinLine } from './add.ts';

test('the line pins the authority before it trusts anything, and runs a script only when all of it has come', () => {
  const line = joinLine({
    node: { name: 'n2' } as never,
    secret: 'gantry_x',
    expiresAt: '2026-01-01T00:00:00Z',
    url: 'https://10.0.0.1:7460',
    caSha256: 'abc',
  });
  expect(line.split(' && ')).toEqual([
    'ca=$(mktemp)',
    'curl -fsSk https://10.0.0.1:7460/ca.pem -o "$ca"',
    'echo "abc  $ca" | sha256sum -c --quiet',
    's=$(curl -fsS --cacert "$ca" https://10.0.0.1:7460/join.sh)',
    'GANTRY_JOIN_TOKEN=gantry_x sh -c "$s" join --api https://10.0.0.1:7460 --ca "$ca" --name n2',
  ]);
});
