import type { Verb } from '../verb.ts';

export const explain: Verb = {
  words: 'explain',
  summary: 'what a field, a property or an error code means',
  arguments: [
    {
      name: 'WHAT',
      description: 'instance.spec.power, flavor.hw_rng:rate_period, image, no_capacity, ...',
      complete: async () => (await import('../explain/topics.ts')).topics(),
    },
  ],
  examples: [
    'gantry explain instance.spec',
    'gantry explain flavor.hw_rng:rate_period',
    'gantry explain no_capacity',
  ],
  async run({ out }, given) {
    // The schemas take longer to load than all of another command.
    const { explainTopic } = await import('../explain/topics.ts');
    const found = explainTopic(given.arg(0, 'topic'));
    await out.object(found.value, found.name, () => found.text);
  },
};
