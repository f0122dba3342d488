import { keyNames, parseDurationMs } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import { conclude, operationFlags, wishFlags } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';

export const instanceSendKey: Verb = {
  words: 'instance send-key',
  summary: 'press keys of an instance, one after the other',
  details: `Keys joined by + are pressed together. It is the keyboard of the display, not the serial console.\nKeys: ${keyNames.join(' ')}`,
  arguments: [
    instanceArgument,
    { name: 'KEY...', description: 'keys, such as enter or ctrl+alt+delete', complete: () => [...keyNames] },
  ],
  flags: [...wishFlags, ...operationFlags],
  examples: ['gantry instance send-key web1 ctrl+alt+delete', 'gantry instance send-key web1 r o o t enter'],
  async run(session, given) {
    const [ref = given.arg(0, 'name'), ...keys] = given.args;
    const query = given.on('plan') ? { plan: true } : {};
    const body = {
      keys,
      ...given.put('deadlineMs', 'deadline', parseDurationMs),
      ...given.string('reason', 'reason'),
    };
    const answer = await session.client.call('sendKeyInstance', { params: { ref }, query, body });
    await conclude(session, given, answer);
  },
};
