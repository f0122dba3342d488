import { formatMs } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const instancePing: Verb = {
  words: 'instance ping',
  summary: 'ask whether the guest agent inside an instance answers',
  arguments: [instanceArgument],
  examples: ['gantry instance ping web1'],
  async run({ client, out }, given) {
    const ref = given.arg(0, 'name');
    const answer = await client.call('pingInstanceAgent', { params: { ref } });
    await out.object(answer, ref, () => `the guest agent of ${ref} answered in ${formatMs(answer.tookMs)}`);
  },
};
