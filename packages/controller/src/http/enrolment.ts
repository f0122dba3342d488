/** What a machine needs before it can be a node: the CA's certificate, the script of the join line, the release. Open to all. */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err, isGantryError, toProblem, version } from '@gantry/model';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { App } from '../api/call.ts';

/** Well-known places below the controller's address. */
export const enrolmentPaths = { ca: '/ca.pem', script: '/join.sh', release: '/release.tar' } as const;
/** Their files in the folder of the release. */
export const releaseFiles = { script: 'join.sh', release: 'release.tar' } as const;

export function serveEnrolment({ remote }: App, server: FastifyInstance): void {
  if (!remote) return;
  const { authority, release } = remote;
  server.get(enrolmentPaths.ca, (_request, reply) =>
    reply.type('application/x-pem-file').send(authority.certificate),
  );
  server.get(enrolmentPaths.script, (request, reply) =>
    orRefuse(reply, request.id, async () =>
      reply
        .type('text/x-shellscript; charset=utf-8')
        .send(await readFile(join(required(release), releaseFiles.script), 'utf8')),
    ),
  );
  server.get(enrolmentPaths.release, (request, reply) =>
    orRefuse(reply, request.id, async () => {
      const path = join(required(release), releaseFiles.release);
      const { size } = await stat(path);
      return reply
        .type('application/x-tar')
        .header('content-length', size)
        .header('x-gantry-release', `${version} ${process.arch}`)
        .send(createReadStream(path));
    }),
  );
}

function required(release: string | undefined): string {
  if (release === undefined) throw noRelease();
  return release;
}

const noRelease = (cause?: unknown) =>
  err('not_joinable', { why: 'the controller was started without a release to hand out' }, cause);

async function orRefuse(
  reply: FastifyReply,
  requestId: string,
  answer: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await answer();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = toProblem(missing || !isGantryError(error) ? noRelease(error) : error, requestId);
    return reply.status(problem.status).type('application/problem+json').send(problem);
  }
}
