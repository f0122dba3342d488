/** `cluster verify`: looks, and changes nothing. */
import { type CheckName, checkNames, err, version } from '@gantry/model';
import { nowOf } from '../env.ts';
import { gather } from '../verify/facts.ts';
import { verify } from '../verify/verify.ts';
import type { Handler } from './call.ts';

export const verifyCluster: Handler<'verifyCluster'> = async ({ app, query, signal }) => {
  const wanted = query.checks?.split(',') as CheckName[] | undefined;
  const unknown = wanted?.find((name) => !checkNames.includes(name));
  if (unknown !== undefined)
    throw err('invalid_argument', { what: `the check ${unknown}`, wanted: checkNames.join(', ') });
  const facts = await gather(app, version, signal);
  const asked = facts.nodes.filter(({ spec }) => spec.role !== 'offline');
  const namesOf = (answered: boolean) =>
    asked.filter(({ id }) => facts.looks.has(id) === answered).map(({ name }) => name);
  return {
    body: {
      at: nowOf(app.env),
      checks: [...(wanted ?? checkNames)],
      nodes: namesOf(true),
      silent: namesOf(false),
      findings: verify(facts, wanted),
    },
  };
};
