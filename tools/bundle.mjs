// Bundles the gantry command and its two daemons into out/bundle: gantry.mjs (which loads cli.mjs), server.mjs, agent.mjs.
// out/bundle is a symbolic link to a finished build, exchanged by one rename: whoever runs meanwhile sees the old or
// the new one, and a process that still runs from an older build can load its remaining chunks for a day.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'out');
const builds = join(out, 'builds');

// The daemons are one file each: they live long, and nothing may be missing when a rebuild has replaced their folder.
const outputs = [
  { name: 'cli', entry: 'packages/cli/src/main.ts', codeSplitting: true },
  { name: 'server', entry: 'packages/controller/src/main.ts', codeSplitting: false },
  { name: 'agent', entry: 'packages/agent/src/main.ts', codeSplitting: false },
];

// `gantry server` and `gantry agent` import their daemon's bundle, which lies beside theirs.
const siblings = {
  name: 'sibling-bundles',
  resolveId(id) {
    return /^[.]\/(server|agent)[.]mjs$/.test(id) ? { id, external: 'absolute' } : null;
  },
};

// `import` of a module of Node reads all that it has, getters that load half of Node among it (8 ms of a command's 45);
// this asks for the module itself. Commander's is for commands in files of their own, of which there are none.
const VIRTUAL = '\0builtin ';
const builtins = {
  name: 'builtins',
  resolveId(id, importer) {
    if (!id.startsWith('node:') || !isAbsolute(importer)) return null;
    const lazy = id === 'node:child_process' && importer.includes('/commander/');
    return `${VIRTUAL}${lazy ? 'lazy ' : ''}${id}`;
  },
  load(id) {
    if (!id.startsWith(VIRTUAL)) return null;
    const asked = `process.getBuiltinModule('${id.split(' ').at(-1)}')`;
    return id.includes(' lazy ')
      ? `exports.spawn = (...all) => ${asked}.spawn(...all);`
      : `module.exports = ${asked};`;
  },
};

// Compiled code kept beside the build saves a fifth of the start-up (measured: 41 instead of 50 ms); where the folder is
// not writable Node goes on without.
const loader = `process.getBuiltinModule('node:module').enableCompileCache(import.meta.dirname + '/compiled');
await import('./cli.mjs');
`;

// Accelerators which ws tries to load and does without.
const optionalModules = ['bufferutil', 'utf-8-validate'];

// What every command needs is one file, as each file costs half a millisecond; apart from the entry, which awaits and must
// not be imported by what it awaits.
const startGroup = (entry) => ({ name: 'start', tags: ['$initial'], test: (id) => id !== join(root, entry) });

async function write({ name, entry, codeSplitting }, dir) {
  const bundle = await rolldown({
    input: { [name]: join(root, entry) },
    cwd: root,
    platform: 'node',
    external: optionalModules,
    plugins: [siblings, builtins],
    tsconfig: join(root, 'tsconfig.json'),
    onLog(level, log, print) {
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message);
      if (level === 'warn') print(level, log);
    },
  });
  await bundle.write({
    dir,
    format: 'esm',
    codeSplitting: codeSplitting && { groups: [startGroup(entry)] },
    entryFileNames: '[name].mjs',
    chunkFileNames: `${name}-[name]-[hash].mjs`,
  });
  await bundle.close();
}

/** Removes builds other than the current one that are older than a day, failed ones among them. */
function removeOldBuilds(current) {
  const dayMs = 24 * 3600 * 1000;
  for (const name of readdirSync(builds)) {
    const dir = join(builds, name);
    if (dir !== current && Date.now() - statSync(dir).mtimeMs > dayMs)
      rmSync(dir, { recursive: true, force: true });
  }
}

// bin/gantry compares sources with the stamp, which bears the time before the first source was read. A file changed in
// the same tick of the kernel's clock (10 ms at most) would look unchanged, hence the margin.
const startedSeconds = (Date.now() - 20) / 1000;
const dir = join(builds, `${Date.now()}-${process.pid}`);
mkdirSync(dir, { recursive: true });
try {
  const present = outputs.filter(({ entry }) => existsSync(join(root, entry)));
  await Promise.all(present.map((output) => write(output, dir)));
  writeFileSync(join(dir, 'gantry.mjs'), loader);
  writeFileSync(join(dir, 'stamp'), '');
  utimesSync(join(dir, 'stamp'), startedSeconds, startedSeconds);
} catch (error) {
  rmSync(dir, { recursive: true, force: true });
  console.error(`error: the gantry command cannot be bundled: ${error.message}`);
  process.exit(1);
}
const link = join(out, `bundle-${process.pid}`);
symlinkSync(join('builds', basename(dir)), link);
renameSync(link, join(out, 'bundle'));
removeOldBuilds(dir);
