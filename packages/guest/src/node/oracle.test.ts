/**
 * Nova's cases on a cluster: what Nova refuses somewhere is refused at the API or by placement, never on the node; what
 * it builds is placed, on the same cells and pages, unless Gantry refuses it for a reason that is named here.
 */
import { isGantryError, type Rejection } from '@gantry/model';
import { describe, expect, test } from 'vitest';
import { type OracleCase, oracleCases, question } from '../../test/oracle.ts';
import { caseOf, inputOf, offerOf } from '../../test/oracle-node.ts';
import { checkCombination } from '../check-combination.ts';
import { descend, elements } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import type { HardwareFit } from './node-offer.ts';
import { offers } from './offer.ts';

interface Outcome {
  by: 'api' | 'placement' | 'nobody';
  why: string;
  fit?: HardwareFit;
}

function outcomeOf(one: OracleCase): Outcome {
  const asked = caseOf(question(one));
  const input = inputOf(asked);
  try {
    checkCombination(input);
    const { rejections, fit } = offers(input)(offerOf(asked));
    const why = rejections.map(({ test: name, message }: Rejection) => `${name}: ${message}`).join('; ');
    return rejections.length > 0 ? { by: 'placement', why } : { by: 'nobody', why: '', fit };
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return { by: 'api', why: error.code };
  }
}

/** They need a fact of the node. */
const byPlacement: Readonly<Record<string, RegExp>> = {
  'cpu-trait-none-match': /no trait HW_CPU_X86_AVX512F/,
  'machine-unknown': /no machine type banana/,
  'numa-too-many': /NUMA cells: short by 2 cells/,
  'pages-2M-exhausted': /pages of 2 MiB in a NUMA cell: short by \d+ pages/,
  'pages-large-none-on-host': /no huge pages/,
  'pages-unknown-size': /no pages of 16 MiB/,
  'pin-full': /free dedicated CPUs in a NUMA cell: short by 1 CPUs/,
  'pin-only-shared-set': /no dedicated CPUs/,
  'pin-require-no-smt': /no cores with free sibling threads/,
  'quota-cpu-no-cgroup': /quota:cpu_\* needs CPU time to be limited, and the node cannot/,
  'rt-emu-share-no-set': /CPUs for sharing set apart/,
  'sb-no-sb-firmware': /no Secure Boot firmware for q35/,
  'sb-required-host-no': /no Secure Boot firmware/,
  'sweep-pin-6-isolate': /no idle core for each vCPU/,
  'uefi-unsupported-host': /no UEFI firmware/,
};

/** What they are about does not exist here, or is no mistake here. */
const notHere: Readonly<Record<string, string>> = {
  'disk-lvm-no-vg': 'storage is no setting of the hypervisor',
  'image-larger-than-root': 'compared where disks are made, before placement: disk_too_small',
  'min-disk-too-small': 'images have no smallest disk',
  'min-ram-too-small': 'images have no smallest memory',
  'nic-macvtap-missing': 'NICs are on bridges',
  'pages-file-backed-conflict': 'nodes do not keep guests’ memory in files',
  'topo-max-sockets-validated': 'Nova’s validator misspells its own key; here both spellings are read',
  'tpm-no-secret': 'the state of a TPM is not encrypted',
};

/** Nova builds them; Gantry does not, and says so at the API. */
const stricter: Readonly<Record<string, string>> = {
  'arch-emulate-aarch64': 'property_not_supported',
  'cfgdrive-image-mandatory': 'property_not_supported',
  'iso-cdrom-bus-virtio': 'invalid_property',
  'kernel-cmdline': 'property_not_supported',
  'qga-garbage': 'invalid_property',
  'qga-require-quiesce': 'property_not_supported',
  'quota-vif-peak-only': 'invalid_property',
  'rng-bytes-only': 'invalid_property',
  'serial-flavor-2': 'property_not_supported',
  'serial-image-3': 'property_not_supported',
  'serial-image-lowers': 'property_not_supported',
  'serial-not-enabled': 'property_not_supported',
  'sweep-kvm-q35-cfgdrive-qga-rng': 'invalid_property',
  'sweep-qemu-q35-cfgdrive-qga-rng': 'invalid_property',
  'tpm-model-only': 'invalid_property',
  'unknown-image-prop-ignored': 'unknown_property',
  'video-xen': 'invalid_property',
  'vif-model-spapr-vlan': 'invalid_property',
  'viommu-smmuv3': 'settings_refused',
};

/** Nova builds them on a node that cannot run them. */
const unfitNode: Readonly<Record<string, RegExp>> = {
  'arch-image-i686': /the image needs another/,
  'cpu-qemu-host-passthrough': /needs KVM/,
  'sev-host-no': /no AMD SEV/,
};

const cases = oracleCases('guest-config');
const wrong = cases.filter((one) => one.expect.error !== undefined);
const right = cases.filter((one) => one.expect.error === undefined);

describe('what Nova refuses', () => {
  test.each(wrong.map((one) => [one.name, one.expect.error, one] as const))('%s (%s)', (name, _, one) => {
    const { by, why } = outcomeOf(one);
    const node = byPlacement[name];
    expect([by, why]).toEqual(
      name in notHere
        ? ['nobody', '']
        : node
          ? ['placement', expect.stringMatching(node)]
          : ['api', expect.any(String)],
    );
  });
});

describe('what Nova builds', () => {
  test.each(right.map((one) => [one.name, one] as const))('%s', (name, one) => {
    const { by, why, fit } = outcomeOf(one);
    const code = stricter[name];
    const reason = unfitNode[name];
    if (code) return expect([by, why]).toEqual(['api', code]);
    if (reason) return expect([by, why]).toEqual(['placement', expect.stringMatching(reason)]);
    expect([by, why]).toEqual(['nobody', '']);
    expect(placesOf(fit ?? {})).toEqual(placesIn(one.expect.xml ?? ''));
    return undefined;
  });
});

/** Cells of the host and huge pages, in the order of the guest's cells; which CPU of a cell is anyone's choice. */
const placesOf = ({ cells = [] }: HardwareFit) => ({
  cells: cells.map(({ hostCell }) => String(hostCell)),
  pages: cells.flatMap(({ pageKiB, smallestPageKiB }) =>
    pageKiB !== undefined && pageKiB !== smallestPageKiB ? [String(pageKiB)] : [],
  ),
  pinned: cells.flatMap(({ pins }) => pins.map(({ vcpu }) => String(vcpu))).sort(),
});

function placesIn(xml: string): ReturnType<typeof placesOf> {
  const root = parseXml(xml);
  const attributes = (path: string[], name: string, attribute: string) =>
    elements(descend(root, ...path), name).flatMap((found) => found.attributes[attribute] ?? []);
  const pinned = elements(descend(root, 'cputune'), 'vcpupin').filter(({ attributes: { cpuset = '' } }) =>
    /^\d+$/.test(cpuset),
  );
  return {
    cells: attributes(['numatune'], 'memnode', 'nodeset'),
    pages: attributes(['memoryBacking', 'hugepages'], 'page', 'size'),
    pinned: pinned.map(({ attributes: { vcpu = '' } }) => vcpu).sort(),
  };
}
