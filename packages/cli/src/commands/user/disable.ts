import type { Given } from '../../given.ts';
import { userNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { setUser } from './set.ts';

const argument = { name: 'NAME...', description: 'names or ids of users', complete: userNames };

async function set(session: Session, given: Given, disabled: boolean): Promise<void> {
  const plan = given.on('plan');
  for (const ref of given.args) {
    const user = await setUser(session, ref, { disabled }, plan);
    const how = `${plan ? 'would be' : 'is'} ${disabled ? 'disabled' : 'enabled'}`;
    await session.out.object(user, user.name, () => `user ${user.name} ${how}`);
  }
}

export const userDisable: Verb = {
  words: 'user disable',
  summary: 'let none of a user’s tokens in, at once; streams and consoles of his end',
  details: 'Nothing is lost: `gantry user enable` lets him in again with the same tokens.',
  arguments: [argument],
  flags: [planFlag],
  examples: ['gantry user disable eve'],
  run: (session, given) => set(session, given, true),
};

export const userEnable: Verb = {
  words: 'user enable',
  summary: 'let a disabled user in again',
  arguments: [argument],
  flags: [planFlag],
  examples: ['gantry user enable eve'],
  run: (session, given) => set(session, given, false),
};
