import manifest from '../../../package.json' with { type: 'json' };

const [command] = process.argv.slice(2);
if (command === '--version') {
  console.log(manifest.version);
} else {
  console.error(`error: unknown command ${JSON.stringify(command ?? '')}`);
  console.error('known: gantry --version');
  process.exitCode = 2;
}
