import { err, toProblem } from '@gantry/model';
import { expect, test } from 'vitest';
import type { Move } from './advance.ts';
import { instanceSuspend } from './instance-suspend.ts';

/** What becomes of it while its guest reports this error. */
function failureWith(code: 'hypervisor_unreachable' | 'hypervisor_slow' | 'suspend_failed'): unknown {
  let failed: unknown;
  const guest = {
    generation: 2,
    observedGeneration: 2,
    status: { state: 'running', error: toProblem(err(code)) },
  };
  instanceSuspend.advance({
    view: { guest },
    operation: { spec: { input: {} } },
    cancelError: () => undefined,
    pastDeadline: false,
    draft: { put: () => undefined },
    fail: (error: unknown) => {
      failed = error;
    },
  } as unknown as Move);
  return failed;
}

test('a libvirt that restarts or is busy is waited for; what cannot be written is told', () => {
  expect(failureWith('hypervisor_unreachable')).toBeUndefined();
  expect(failureWith('hypervisor_slow')).toBeUndefined();
  expect(failureWith('suspend_failed')).toMatchObject({ code: 'suspend_failed' });
});
