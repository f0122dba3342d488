// Checks package-lock.json without the network: it names no registry's address, has an integrity hash for all that a
// Linux machine installs, has an entry for every optional package (npm leaves out what its registry did not serve, and
// `npm ci` then refuses the lock elsewhere), and agrees with the manifests of the workspaces.
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const { packages } = read('package-lock.json');
const problems = [];

/** Whether Node's look-up of `name` from the folder `from` ends at an entry of the lock. */
function isLocked(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at}${at && '/'}node_modules/${name}`]) return true;
    if (at === '') return false;
    if (!at.includes('node_modules/')) at = '';
  }
}

/** Optional packages for systems that Gantry is not developed on; the registry may not have served them. */
const isForOtherSystem = ({ os, cpu, libc, optional }) =>
  optional === true &&
  ((os !== undefined && !os.includes('linux')) ||
    (cpu !== undefined && !cpu.includes('x64') && !cpu.includes('arm64')) ||
    libc?.includes('musl') === true);

for (const [at, entry] of Object.entries(packages)) {
  if (entry.resolved !== undefined && !entry.link) problems.push(`${at} has a resolved address`);
  const installed = at.includes('node_modules/') && !entry.link;
  if (installed && entry.integrity === undefined && !isForOtherSystem(entry))
    problems.push(`${at} has no integrity hash`);
  for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
    if (!isLocked(at, name)) problems.push(`${at || 'the workspace'} needs ${name}, which is not locked`);
  }
}

const fields = ['version', 'dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
const text = (value) => JSON.stringify(Object.entries(value ?? {}).sort());
const { version } = read('package.json');
for (const file of ['package.json', ...globSync('packages/*/package.json')]) {
  const at = dirname(file) === '.' ? '' : dirname(file);
  const manifest = read(file);
  if (manifest.version !== version) problems.push(`${file} is not version ${version}`);
  for (const field of fields) {
    if (text(manifest[field]) !== text(packages[at]?.[field]))
      problems.push(`${file}: ${field} differ from the lock's`);
  }
}

for (const problem of problems) console.error(problem);
console.log(`${Object.keys(packages).length} packages locked, ${problems.length} problems`);
if (problems.length > 0) console.error('mend it by: npm install && node tools/complete-lock.mjs');
process.exitCode = problems.length > 0 ? 1 : 0;
