import { expect, test } from 'vitest';
import { conditionsOf } from './conditions.ts';
import { freshState } from './state.ts';

const said = (accelerator: object) => {
  const state = freshState({ run: 1, acts: {}, guests: {} });
  Object.assign(state, { libvirt: true, facts: { accelerator } });
  return conditionsOf(state, '2026-01-01T00:00:00Z');
};

test('before anything is known, it says what is being done', () => {
  const state = freshState({ run: 1, acts: {}, guests: {} });
  const told = conditionsOf(state, 'then', 'a kernel is being fetched');
  expect(told).toMatchObject([
    { type: 'LibvirtReachable', status: 'unknown' },
    {
      type: 'KvmWorks',
      status: 'unknown',
      message: 'a kernel is being fetched; guests start when that is over',
    },
  ]);
});

test('a device that opens and fails is named with its price and its remedy', () => {
  const kvm = { kvm: false, reason: 'KVM is there but a guest did not reach its init' };
  const [, works, examined] = said({ ...kvm, examinedAnew: true });
  expect(works).toMatchObject({ status: 'false', message: kvm.reason });
  expect(examined).toMatchObject({
    type: 'QemuExaminedOnce',
    status: 'false',
    reason: 'KvmOpensButFails',
    message: expect.stringMatching(/on every define, 7 to 10 s .*`chmod 0600 \/dev\/kvm`.*udev/),
  });
  expect(said(kvm)[2]).toMatchObject({ status: 'true' });
});

test('a libvirt that refuses the agent is told from one that is down', () => {
  const state = { ...freshState({ run: 1, acts: {}, guests: {} }), libvirt: false };
  expect(conditionsOf(state, 'then')[0]).toMatchObject({ reason: 'Unreachable' });
  const refused = { ...state, libvirtRefusal: 'the server refuses gantry' };
  expect(conditionsOf(refused, 'then')[0]).toMatchObject({
    status: 'false',
    reason: 'AccessDenied',
    message: expect.stringMatching(/the server refuses gantry\. .*gantry node libvirt-auth/),
  });
});
