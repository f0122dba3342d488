/** Against answers of Nova’s own code: test/oracle/nova. Its referee compare.py judges, not we. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGantryError } from '@gantry/model';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadDomainSchema } from '../../test/libvirt-schema.ts';
import { oracleCases, oracleFolder, question } from '../../test/oracle.ts';
import { passesImageFilter, type SupportedInstance } from '../image-filter.ts';
import { formatCpuList, parseCpuList } from '../numa/cpu-list.ts';
import { novaProfile } from '../profiles.ts';
import { readSettings } from '../specs/settings.ts';
import { checkTopology, topologyFrom } from '../specs/topology.ts';
import { answerLine, answerTo } from './batch.ts';
import { placementOfCase } from './placement.ts';

const cases = oracleCases('guest-config');

/** Nova nests `smm` in `smm`, which libvirt’s schema refuses: docs/reference/nova-differences.md. */
const smm = new Set([
  'sb-agree',
  'sb-flavor-required',
  'sb-image-optional',
  'sb-image-required',
  'sb-windows',
]);

describe('guest configurations', () => {
  test('the referee finds no difference but those that are documented', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gantry-oracle-'));
    try {
      const answers = join(folder, 'answers.jsonl');
      const names = join(folder, 'names');
      writeFileSync(answers, cases.map((one) => answerLine(JSON.stringify(question(one)))).join('\n'));
      writeFileSync(
        names,
        cases
          .map((one) => one.name)
          .filter((name) => !smm.has(name))
          .join('\n'),
      );
      const report = execFileSync(
        'python3',
        [join(oracleFolder, 'compare.py'), join(oracleFolder, 'cases'), answers, '--names', names],
        { encoding: 'utf8' },
      );
      expect(report.trim().split('\n').at(-1)).toBe(`${cases.length - smm.size} passed, 0 failed`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the referee fails a wrong answer', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gantry-oracle-'));
    try {
      const answers = join(folder, 'answers.jsonl');
      const names = join(folder, 'names');
      const right = answerTo(question(cases.find((one) => one.name === 'base-kvm') as never));
      const xml = 'xml' in right ? right.xml.replace('virtio', 'e1000') : '';
      writeFileSync(answers, JSON.stringify({ name: 'base-kvm', xml }));
      writeFileSync(names, 'base-kvm');
      expect(() =>
        execFileSync(
          'python3',
          [join(oracleFolder, 'compare.py'), join(oracleFolder, 'cases'), answers, '--names', names],
          { stdio: 'pipe' },
        ),
      ).toThrow();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('libvirt’s schema', () => {
    let validate: (xml: string) => void;
    beforeAll(() => {
      validate = loadDomainSchema();
    });
    test.each(cases.map((one) => [one.name, one] as const))('%s', (name, one) => {
      const answer = answerTo(question(one));
      if ('xml' in answer) validate(answer.xml);
      else expect(answer.error.nova).not.toBe('');
      if (smm.has(name)) expect(() => validate(one.expect.xml ?? '')).toThrow();
    });
  });
});

describe('what placement is asked for', () => {
  const asking = cases.flatMap((one) => {
    const { placement } = one.expect;
    return placement ? [[one.name, one, placement] as const] : [];
  });
  /** Refused where they are written, so that placement is never asked; Nova finds them on the node. */
  const earlier = new Set([
    'disk-bus-xen',
    'video-xen',
    'vif-model-netfront',
    'watchdog-flavor-bad-unvalidated',
  ]);

  test.each(asking)('%s', (name, one, placement) => {
    if (earlier.has(name)) {
      expect(() => placementOfCase(question(one))).toThrow('is not valid');
      return;
    }
    expect(placementOfCase(question(one))).toEqual({
      resources: placement.resources,
      requiredTraits: placement.required_traits,
      forbiddenTraits: placement.forbidden_traits,
    });
  });
});

const novaClass = (attempt: () => unknown): unknown => {
  try {
    return attempt();
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return { error: error.params['nova'] };
  }
};

const expected = ({ message: _, ...rest }: Record<string, unknown>) => rest;

test.each(oracleCases('cpu-spec').map((one) => [one.name, one] as const))('%s', (_, one) => {
  const { text } = one['input'] as { text: string };
  const answer = novaClass(() => {
    const cpus = parseCpuList(text);
    return { cpus, formatted: formatCpuList(cpus), formatted_no_ranges: formatCpuList(cpus, false) };
  });
  expect(answer).toEqual(expected(one.expect));
});

test.each(oracleCases('cpu-topology').map((one) => [one.name, one] as const))('%s', (_, one) => {
  const { flavor, image } = one as unknown as {
    flavor: { vcpus: number; extra_specs: Record<string, string> };
    image: { properties: Record<string, string> };
  };
  const answer = novaClass(() => {
    const given = { extraSpecs: flavor.extra_specs, imageProperties: image.properties, policies: [] };
    const settings = readSettings(given, novaProfile, false);
    checkTopology(settings.flavor, settings.image, flavor.vcpus);
    const { sockets, cores, threads } = topologyFrom(settings, flavor.vcpus);
    return { sockets, cores, threads };
  });
  expect(answer).toEqual(expected(one.expect));
});

test.each(oracleCases('image-properties-filter').map((one) => [one.name, one] as const))('%s', (_, one) => {
  const { image, host, config } = one as unknown as {
    image: { properties: Record<string, string> };
    host: { supported_instances: SupportedInstance[] | null; hypervisor_version: number | null };
    config: { filter_scheduler: { image_properties_default_architecture: string | null } };
  };
  const settings = readSettings(
    { extraSpecs: {}, imageProperties: image.properties, policies: [] },
    novaProfile,
  );
  const passes = passesImageFilter(
    settings.image,
    {
      supported: host.supported_instances ?? [],
      ...(host.hypervisor_version === null ? {} : { hypervisorVersion: host.hypervisor_version }),
    },
    config.filter_scheduler.image_properties_default_architecture ?? undefined,
  );
  expect({ passes }).toEqual(expected(one.expect));
});
