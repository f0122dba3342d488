/** Offline: needs no cluster, as planning and moving from elsewhere do. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Profile } from '@gantry/guest';
import { err } from '@gantry/model';
import type { Given } from '../../given.ts';
import type { Io } from '../../io.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { settingsTable } from '../instance/settings.ts';

const profiles = ['gantry', 'nova'] as const;

export const guestRender: Verb = {
  words: 'guest render',
  summary: 'the domain XML that a flavor and an image come to, without a cluster',
  details:
    'Files are JSON or YAML: as `gantry flavor show -o json` and `gantry image show -o json` write them, or in\n' +
    'Nova’s words (vcpus, memory_mb, extra_specs; properties). --host has facts of a node, --config Nova’s\n' +
    'options by section. With --batch each line of the input is one case in JSON, each line of the output its answer:\n' +
    '{"name", "xml"} or {"name", "error": {"code", "message", "nova"}}.',
  flags: [
    { flags: '--flavor <file>', description: 'flavor with its extra specs' },
    { flags: '--image <file>', description: 'image with its properties' },
    { flags: '--host <file>', description: 'facts of the node; default: a plain x86_64 one' },
    { flags: '--config <file>', description: 'configuration of the node' },
    { flags: '--explain', description: 'why each element is as it is, instead of the XML' },
    { flags: '--batch', description: 'cases from standard input, one a line' },
    {
      flags: '--profile <profile>',
      description: 'whose defaults hold; without it gantry, with --batch nova',
      choices: profiles,
    },
  ],
  examples: [
    'gantry guest render --flavor small.json --image debian.yaml --explain',
    'gantry guest render --batch < cases.jsonl > answers.jsonl',
  ],
  async run(session, given) {
    if (given.on('batch')) await batch(session.io, given);
    else await single(session, given);
  },
};

async function profileOf(given: Given, fallback: (typeof profiles)[number]): Promise<Profile> {
  const { gantryProfile, novaProfile } = await import('@gantry/guest');
  return (given.text('profile') ?? fallback) === 'nova' ? novaProfile : gantryProfile;
}

/** One line in, one line out; the reader’s pace holds, so that any number of cases needs no memory. */
async function batch({ stdin, stdout }: Io, given: Given): Promise<void> {
  const { answerLine } = await import('@gantry/guest');
  const profile = await profileOf(given, 'nova');
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const answer = answerLine(line, profile);
    if (answer !== undefined && !stdout.write(`${answer}\n`)) await once(stdout, 'drain');
  }
}

async function single({ out }: Session, given: Given): Promise<void> {
  const { caseFromFiles, explain, renderCase, renderDomain } = await import('@gantry/guest');
  const [flavor, image, host, config] = await Promise.all(
    ['flavor', 'image', 'host', 'config'].map((name) => fileOf(given, name)),
  );
  if (flavor === undefined || image === undefined)
    throw err('usage', { what: 'guest render needs --flavor and --image, or --batch' });
  const guest = renderCase(
    caseFromFiles({
      flavor,
      image,
      ...(host === undefined ? {} : { host }),
      ...(config === undefined ? {} : { config }),
    }),
    await profileOf(given, 'gantry'),
  );
  if (!given.on('explain')) {
    out.line(renderDomain(guest).trimEnd());
    return;
  }
  const reasons = explain(guest);
  await out.object(reasons, 'preview', () => settingsTable(reasons, out.format === 'wide'));
}

/** YAML, of which JSON is a part. */
async function fileOf(given: Given, name: string): Promise<unknown> {
  const path = given.text(name);
  if (path === undefined) return undefined;
  const { parse } = await import('yaml');
  try {
    return parse(await readFile(path, 'utf8'), { maxAliasCount: 0 }) as unknown;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw err('invalid_argument', {
      what: `--${name} ${path}`,
      wanted: `a readable JSON or YAML file (${why})`,
    });
  }
}
