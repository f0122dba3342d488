import { operationArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { describeOperation } from './op.ts';

export const opShow: Verb = {
  words: 'op show',
  summary: 'an operation with its steps and its log',
  arguments: [operationArgument],
  examples: ['gantry op show 12', 'gantry op show 12 -o json'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'number') };
    const operation = await client.call('getOperation', { params });
    await out.object(operation, String(operation.spec.number), async () => {
      const { lines } = await client.call('getOperationLog', { params });
      return describeOperation(operation, lines);
    });
  },
};
