import { actVerb } from './act.ts';

export const instanceSuspend = actVerb('suspend', 'suspendInstance', {
  summary: 'write the memory of instances to disk and free it',
  details:
    'The memory lies on its node, outlives restarts of it, and `gantry instance start` goes on with it; the guest’s clock is behind by as much. It keeps the hardware that it had: what `gantry instance set` changes meanwhile waits for the start after that. A guest whose memory does not fit on the disk runs on.',
  examples: ['gantry instance suspend web1', 'gantry instance start web1'],
});
