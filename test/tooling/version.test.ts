import { version } from '@gantry/model';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

test('the version that all parts report is the one of the release', () => {
  expect(version).toBe(manifest.version);
});
