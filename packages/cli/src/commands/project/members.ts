import { err, userRoles } from '@gantry/model';
import { projectNames, userNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';

const project = { ...nameArgument('project', projectNames), name: 'PROJECT' };
const user = { ...nameArgument('user', userNames), name: 'USER' };

export const projectGrant: Verb = {
  words: 'project grant',
  summary: 'give a user a role in a project, instead of the one that he has there',
  details:
    'A viewer sees what is in the project, an operator has its instances and images, an administrator of the project lets others in too.',
  arguments: [
    project,
    user,
    { name: 'ROLE', description: userRoles.join(', '), complete: () => [...userRoles] },
  ],
  flags: [planFlag],
  examples: ['gantry project grant web eve operator'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'project'), user: given.arg(1, 'user') };
    const role = userRoles.find((word) => word === given.arg(2, 'role'));
    if (!role) throw err('invalid_argument', { what: `role ${given.arg(2)}`, wanted: userRoles.join(', ') });
    const plan = given.on('plan');
    const member = await client.call('grantProject', { params, body: { role }, query: plan ? { plan } : {} });
    const is = plan ? 'would be' : 'is';
    await out.object(member, member.name, () => `user ${member.name} ${is} ${role} in project ${params.ref}`);
  },
};

export const projectRevoke: Verb = {
  words: 'project revoke',
  summary: 'take away the role of a user in a project',
  arguments: [project, user],
  flags: [planFlag],
  examples: ['gantry project revoke web eve'],
  async run(session, given) {
    const params = { ref: given.arg(0, 'project'), user: given.arg(1, 'user') };
    const plan = given.on('plan');
    const member = await session.client.call('revokeProject', { params, query: plan ? { plan } : {} });
    session.note(
      `user ${member.name} ${plan ? 'would have' : 'has'} no role in project ${params.ref} any more`,
    );
    await session.out.result(member, member.name);
  },
};
