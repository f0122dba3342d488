import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verbs } from '../../packages/cli/src/commands/all.ts';
import { reference } from '../../tools/reference.ts';
import { partsOf } from '../lab/examples.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function markdown(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdown(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'README.md'));
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...markdown('docs'),
  ...packages.filter((path) => existsSync(join(root, path))),
];

describe('documentation', () => {
  it.each(Object.entries(reference()))(
    'reference/%s is what the tables say (node tools/reference.ts writes it)',
    (name, content) => {
      expect(read(join('docs/reference', name))).toBe(content);
    },
  );

  it.each(pages)('%s links only to what is there', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(
      (match) => match[1] ?? '',
    );
    for (const link of links) expect(existsSync(join(root, dirname(page), link)), link).toBe(true);
  });

  it.each(pages)('%s names only commands that exist, with flags that they have', (page) => {
    const blocks = [...read(page).matchAll(/```(?:sh|console)\n([\s\S]*?)```/g)].map(
      (match) => match[1] ?? '',
    );
    const lines = blocks
      .flatMap((block) => block.split('\n'))
      .map((line) => line.replace(/^\$ /, '').replace(/\s+#.*$/, ''));
    for (const line of lines) {
      const words = /^(?:bin\/)?gantry (.*)$/.exec(line)?.[1];
      if (words) expect(unknownIn(words), line).toEqual([]);
    }
  });
});

/** Calls of examplesOf in the integration tests, in files that also say that none was left over. */
const executed = ['test/integration', 'test/integration/cluster'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => read(join(folder, name)))
    .filter((text) => /\.left\(\)\)\.toEqual\(\[\]\)/.test(text))
    .flatMap((text) => [...text.matchAll(/examplesOf\(\s*'([^']+)'(?:,\s*'([^']+)')?,?\s*\)/g)])
    .map(([, page, heading]) => ({ page, heading })),
);

describe('examples', () => {
  const withExamples = pages
    .filter((page) => !page.startsWith('docs/reference/'))
    .flatMap((page) => partsOf(page).map((part) => ({ page, ...part })));

  it('are marked as such: commands stand in blocks of sh or console', () => {
    expect(withExamples.flatMap(({ page, other }) => other.map((line) => `${page}: ${line}`))).toEqual([]);
  });

  it('are executed by a test, page by page, or below each heading of a page', () => {
    const missed = withExamples.filter(
      (part) =>
        part.commands.length > 0 &&
        !executed.some(
          ({ page, heading }) => page === part.page && (heading === undefined || heading === part.heading),
        ),
    );
    expect(missed.map(({ page, heading }) => `${page}: ${heading}`)).toEqual([]);
  });

  it('which are there: no test executes what is gone', () => {
    for (const { page, heading } of executed) {
      const parts = withExamples.filter(
        (part) => part.page === page && (heading === undefined || part.heading === heading),
      );
      expect(parts.flatMap(({ commands }) => commands).length, `${page} ${heading}`).toBeGreaterThan(0);
    }
  });
});

const globals = [
  '-o',
  '--output',
  '--yes',
  '-y',
  '--quiet',
  '-q',
  '--verbose',
  '-v',
  '--trace',
  '--cluster',
  '--project',
  '--plan',
  '--wait',
  '--detach',
  '--timeout',
  '--filter',
  '--fields',
  '--sort',
  '--watch',
  '--version',
  '--help',
  '-V',
  '-h',
];

/** Words of a command line that no command has. */
function unknownIn(line: string): string[] {
  const words = line.split(/\s+/);
  const verb = verbs.find((v) =>
    [v.words, v.shortcut].some((name) => name !== undefined && `${line} `.startsWith(`${name} `)),
  );
  if (!verb) return words[0]?.startsWith('-') ? [] : [line];
  const known = (verb.flags ?? []).flatMap((flag) =>
    flag.flags.split(/[ ,]+/).filter((word) => word.startsWith('-')),
  );
  return words.filter(
    (word) =>
      /^(--[a-z]|-[a-z]$)/.test(word) && !verb.raw && !known.includes(word) && !globals.includes(word),
  );
}
