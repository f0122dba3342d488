import type { Given } from '../../given.ts';
import { conclude } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { createBody, createFlags, imageFlag } from './create-flags.ts';

export const instanceCreate: Verb = {
  words: 'instance create',
  summary: 'create an instance and start it',
  arguments: [{ name: 'NAME', description: 'name of the instance, a valid host name' }],
  flags: [imageFlag, ...createFlags],
  examples: [
    'gantry instance create web1 --image debian/12 --flavor small',
    'gantry instance create db1 --image debian/12 --vcpus 2 --memory 4G --disk 20G --disk 100G --nic default,ip=pool',
    'gantry instance create test1 --os debootstrap --flavor small --disk 2G --plan',
  ],
  run: (session, given) => createInstance(session, given, given.arg(0, 'name'), given.text('image')),
};

export async function createInstance(
  session: Session,
  given: Given,
  name: string,
  image: string | undefined,
  defaultFlavor?: string,
): Promise<void> {
  const wished = createBody(name, image, given);
  const sized = wished.flavor !== undefined || (wished.vcpus !== undefined && wished.memoryMiB !== undefined);
  const body = sized || defaultFlavor === undefined ? wished : { ...wished, flavor: defaultFlavor };
  const query = given.on('plan') ? { plan: true } : {};
  const answer = await session.client.call('createInstance', { query, body });
  await conclude(session, given, answer, () =>
    given.on('stopped') ? `gantry instance start ${name}` : `gantry console ${name}`,
  );
}
