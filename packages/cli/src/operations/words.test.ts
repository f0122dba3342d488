import type { Operation } from '@gantry/model';
import { expect, test } from 'vitest';
import { operation } from '../testing/samples.ts';
import { titleOf } from './words.ts';

const titled = (kind: string, target: string, name: string) => {
  const some = operation('running');
  return titleOf({
    ...some,
    spec: { ...some.spec, kind, target: { ...some.spec.target, kind: target, name } },
  } as Operation);
};

test.each([
  ['instance.create', 'instance', 'web1', 'create instance web1'],
  ['disk.attach', 'instance', 'web1', 'attach disk web1'],
  ['cluster.balance', 'cluster', 'lab', 'balance cluster lab'],
  ['cluster.balance', 'group', 'default', 'balance group default'],
])('%s of %s %s: %s', (kind, target, name, title) => expect(titled(kind, target, name)).toBe(title));
