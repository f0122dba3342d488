import { instanceArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';

export const instanceLock: Verb = {
  words: 'instance lock',
  summary: 'refuse every change of an instance until it is unlocked',
  details:
    'Start, stop, set, delete and the like are refused with the reason. The guest goes on, and so does what is under way; looking, the console and clones that leave it as it is stay possible.',
  arguments: [instanceArgument],
  flags: [{ flags: '--reason <text>', description: 'told to whoever is refused', required: true }],
  examples: ["gantry instance lock web1 --reason 'under audit until Friday'"],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const body = { reason: given.text('reason') ?? '' };
    const instance = await client.call('lockInstance', { params, body });
    await out.object(instance, instance.name, () => `${instance.name} is locked: ${body.reason}`);
  },
};

export const instanceUnlock: Verb = {
  words: 'instance unlock',
  summary: 'permit changes of a locked instance again',
  arguments: [instanceArgument],
  examples: ['gantry instance unlock web1'],
  async run({ client, out }, given) {
    const instance = await client.call('unlockInstance', { params: { ref: given.arg(0, 'name') } });
    await out.object(instance, instance.name, () => `${instance.name} is not locked`);
  },
};
