/** The user whom the agent runs as. */
import { err } from '@gantry/model';
import { ProcessError, run } from '../process/run.ts';

export interface ServiceUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** @throws GantryError `invalid_argument` for a name that is none, `not_found` */
export async function serviceUser(name: string): Promise<ServiceUser> {
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/.test(name))
    throw err('invalid_argument', {
      what: `the user ${JSON.stringify(name.slice(0, 64))}`,
      wanted: 'a system user',
    });
  const { stdout } = await run(['getent', 'passwd', name], { okCodes: [0, 2] });
  const [, , uid, gid, , home = ''] = stdout.trim().split(':');
  if (uid === undefined || home === '') throw err('not_found', { kind: 'system user', name });
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/**
 * Does `work` with the rights of the user: in a home that is his, paths may lead anywhere. The whole process changes
 * its user meanwhile, so nothing else may go on in it.
 */
export async function as<T>({ uid, gid }: ServiceUser, work: () => Promise<T>): Promise<T> {
  process.setegid?.(gid);
  try {
    process.seteuid?.(uid);
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** @throws GantryError `host_unfit` naming the package */
export async function requireProgram(program: string, pkg: string): Promise<void> {
  await run([program, '--version'], { okCodes: Array.from({ length: 256 }, (_, code) => code) }).catch(
    (error: unknown) => {
      if (!(error instanceof ProcessError) || error.reason !== 'not-found') throw error;
      throw err(
        'host_unfit',
        { why: `${program} is not installed`, remedy: `apt-get install ${pkg}` },
        error,
      );
    },
  );
}
