import { operationEnded } from '@gantry/model';
import { operationArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const opCancel: Verb = {
  words: 'op cancel',
  summary: 'cancel an operation: what it made is taken back',
  arguments: [operationArgument],
  examples: ['gantry op cancel 12'],
  async run(session, given) {
    const operation = await session.client.call('cancelOperation', {
      params: { ref: given.arg(0, 'number') },
    });
    const { number } = operation.spec;
    const { state } = operation.status;
    const said = operationEnded(state)
      ? `op ${number} is ${state}`
      : `op ${number} is being cancelled; follow it: gantry op watch ${number}`;
    session.note(said);
    await session.out.result(operation, String(number));
  },
};
