import { createReadStream, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { err, formatBytes, formatMs, type ImageFormat, imageFormats, isGantryError } from '@gantry/model';
import type { Given } from '../../given.ts';
import { LiveLine } from '../../operations/live-line.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { imageBody, imageFlags } from './create-body.ts';
import { describeImage } from './image.ts';

export const imageImport: Verb = {
  words: 'image import',
  summary: 'an image from a qcow2, raw or ISO file',
  details:
    'The format is stated, by --format or the end of the file’s name, and never guessed from the content, which must be what was stated. An ISO image is for CD drives: it is never the content of a disk.',
  arguments: [
    { name: 'FILE', description: 'file on this machine' },
    { name: '[NAME]', description: 'name of the image, default: the file’s' },
  ],
  flags: [
    { flags: '--name <name>', description: 'name of the image' },
    { flags: '--format <format>', description: 'format of the file', choices: imageFormats },
    ...imageFlags,
  ],
  examples: [
    'gantry image import debian-12-genericcloud-amd64.qcow2 debian/12-cloud',
    'gantry image import disk.img my-disk --format raw',
    'gantry image import debian-12-netinst.iso',
  ],
  run: importImage,
};

async function importImage(session: Session, given: Given): Promise<void> {
  const file = given.arg(0, 'file');
  const sizeBytes = sizeOf(file);
  const name = given.args[1] ?? given.text('name') ?? basename(file, extname(file)).toLowerCase();
  const body = imageBody(name, given, 'file');
  const spec = { ...body.spec, format: body.spec.format ?? formatOf(file) };
  const created = await session.client.call('createImage', { body: { ...body, spec } });
  try {
    const image = await upload(session, created.id, file, sizeBytes);
    await session.out.object(image, image.name, () => describeImage(image));
  } catch (error) {
    // An empty image of that name would be in the way of the next try.
    await session.client.call('deleteImage', { params: { ref: created.id } }).catch((why: unknown) => {
      if (!isGantryError(why, 'not_found'))
        session.note(`the empty image remains: gantry image delete ${name}`);
    });
    throw error;
  }
}

async function upload(session: Session, ref: string, file: string, sizeBytes: number) {
  const content = createReadStream(file);
  const startedAt = performance.now();
  const part = () => Math.floor((100 * content.bytesRead) / Math.max(1, sizeBytes));
  const live = session.globals.quiet
    ? undefined
    : new LiveLine(session.io, () => `  upload   ${part()} % of ${formatBytes(sizeBytes)}`);
  try {
    const image = await session.client.upload('putImageContent', { params: { ref } }, content, { sizeBytes });
    live?.print([`  upload   ${formatBytes(sizeBytes)} in ${formatMs(performance.now() - startedAt)}`]);
    return image;
  } finally {
    content.destroy();
    live?.end();
  }
}

function sizeOf(file: string): number {
  try {
    const stat = statSync(file);
    if (stat.isFile()) return stat.size;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'that exists' : 'that can be read';
    throw err('invalid_argument', { what: `file ${file}`, wanted: `a file ${why}` }, error);
  }
  throw err('invalid_argument', { what: `file ${file}`, wanted: 'a plain file' });
}

function formatOf(file: string): ImageFormat {
  const end = extname(file).toLowerCase();
  if (end === '.qcow2') return 'qcow2';
  if (end === '.raw') return 'raw';
  if (end === '.iso') return 'iso';
  throw err('usage', { what: `the format of ${file} is not stated: add --format qcow2, raw or iso` });
}
