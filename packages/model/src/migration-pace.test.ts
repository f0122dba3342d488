import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { downtimeSteps, isMigrationOverdue } from './migration-pace.ts';

/** Answers of Nova’s own code. */
const folder = join(import.meta.dirname, '../../../test/oracle/nova/cases');
const ofKind = (kind: string) =>
  readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .filter((one) => one.kind === kind)
    .map((one) => [one.name, one] as const);

test.each(ofKind('downtime-steps'))('%s', (_, one) => {
  const { live_migration_downtime, live_migration_downtime_steps, live_migration_downtime_delay } =
    one.config.libvirt;
  const policy = {
    downtimeMs: live_migration_downtime,
    steps: live_migration_downtime_steps,
    delayS: live_migration_downtime_delay,
  };
  const steps = downtimeSteps(policy, one.input.data_gb).map((step) => [step.afterS, step.downtimeMs]);
  expect(steps).toEqual(one.expect.steps);
});

test.each(ofKind('migration-timeout'))('%s', (_, one) => {
  const { elapsed_s, completion_timeout_s, status } = one.input;
  const postCopy = status === 'running (post-copy)';
  expect(isMigrationOverdue(elapsed_s, completion_timeout_s, postCopy)).toBe(one.expect.trigger);
});
