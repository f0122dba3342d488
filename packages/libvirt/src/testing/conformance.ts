/**
 * What the client promises, as a list of checks that any libvirt server must pass: the fake one in the unit tests,
 * a real one in the integration tests. Knows no test runner; a check fails by throwing.
 */
import type { ConformanceCheck } from './conformance/check.ts';
import { connectionChecks } from './conformance/connection.ts';
import { definitionChecks } from './conformance/definitions.ts';
import { eventChecks } from './conformance/events.ts';
import { lifeCycleChecks } from './conformance/life-cycle.ts';
import { streamChecks } from './conformance/streams.ts';

export type { ConformanceCheck, ConformanceContext } from './conformance/check.ts';

export const conformanceChecks: readonly ConformanceCheck[] = [
  ...connectionChecks,
  ...definitionChecks,
  ...lifeCycleChecks,
  ...streamChecks,
  ...eventChecks,
];
