// Makes packages/libvirt ready to publish in out/libvirt (or the folder given): JavaScript with types, because Node.js runs
// no TypeScript below node_modules; the pages; and a package.json that points to them. `npm publish out/libvirt` does the rest.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'packages/libvirt');
const out = resolve(process.argv[2] ?? join(root, 'out/libvirt'));

/** An export as sources have it, for those who install the package. */
const published = (path) => {
  const built = path.replace('./src/', './dist/').replace(/\.ts$/, '');
  return { types: `${built}.d.ts`, default: `${built}.js` };
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
execFileSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', join(source, 'tsconfig.package.json'), '--outDir', join(out, 'dist')],
  { stdio: 'inherit' },
);
cpSync(join(source, 'README.md'), join(out, 'README.md'));
cpSync(join(source, 'docs'), join(out, 'docs'), { recursive: true });
cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
// `private` keeps the sources from being published as they are.
const { private: _, exports, ...described } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
const manifest = {
  ...described,
  exports: Object.fromEntries(Object.entries(exports).map(([name, path]) => [name, published(path)])),
  files: ['dist', 'docs'],
};
writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
