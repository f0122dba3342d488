import { planFlag, showPlan } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { imageBody, imageFlags } from './create-body.ts';
import { describeImage } from './image.ts';

export const imageCreate: Verb = {
  words: 'image create',
  summary: 'an image whose content an OS provider makes on the node',
  arguments: [{ name: 'NAME', description: 'name of the image, such as debian/12' }],
  flags: [
    {
      flags: '--os <provider>',
      description: 'OS provider: debootstrap, or PROVIDER+VARIANT',
      required: true,
    },
    { flags: '--os-param <key=value>', description: 'parameter of the OS provider', many: true },
    ...imageFlags,
    planFlag,
  ],
  examples: [
    'gantry image create debian/12 --os debootstrap --os-param suite=bookworm --kernel node --initrd node',
  ],
  async run(session, given) {
    const query = given.on('plan') ? { plan: true } : {};
    const body = imageBody(given.arg(0, 'name'), given, 'os');
    const image = await session.client.call('createImage', { query, body });
    if ('plan' in image) return await showPlan(session, image as never);
    await session.out.object(image, image.name, () => describeImage(image));
  },
};
