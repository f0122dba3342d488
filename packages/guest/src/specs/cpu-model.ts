/** Named CPU models: their spelling, and which of several has the features that the flavor’s traits require. */
import type { HostFacts } from '../host-facts.ts';
import { refused } from '../refusal.ts';
import type { Settings } from './settings.ts';

/** libvirt’s features by os-traits’ names. Those of AMD and Intel virtualisation have newer names, which Nova does not look at. */
export const featureOfTrait: Readonly<Record<string, string>> = {
  HW_CPU_X86_3DNOW: '3dnow',
  HW_CPU_X86_ABM: 'abm',
  HW_CPU_X86_AESNI: 'aes',
  HW_CPU_X86_AVX: 'avx',
  HW_CPU_X86_AVX2: 'avx2',
  HW_CPU_X86_AVX512BW: 'avx512bw',
  HW_CPU_X86_AVX512CD: 'avx512cd',
  HW_CPU_X86_AVX512DQ: 'avx512dq',
  HW_CPU_X86_AVX512ER: 'avx512er',
  HW_CPU_X86_AVX512F: 'avx512f',
  HW_CPU_X86_AVX512PF: 'avx512pf',
  HW_CPU_X86_AVX512VL: 'avx512vl',
  HW_CPU_X86_AVX512VNNI: 'avx512vnni',
  HW_CPU_X86_AVX512VBMI: 'avx512vbmi',
  HW_CPU_X86_AVX512IFMA: 'avx512ifma',
  HW_CPU_X86_AVX512VBMI2: 'avx512vbmi2',
  HW_CPU_X86_AVX512BITALG: 'avx512bitalg',
  HW_CPU_X86_AVX512VAES: 'vaes',
  HW_CPU_X86_AVX512GFNI: 'gfni',
  HW_CPU_X86_AVX512VPCLMULQDQ: 'vpclmulqdq',
  HW_CPU_X86_AVX512VPOPCNTDQ: 'avx512-vpopcntdq',
  HW_CPU_X86_BMI: 'bmi1',
  HW_CPU_X86_BMI2: 'bmi2',
  HW_CPU_X86_CLMUL: 'pclmuldq',
  HW_CPU_X86_F16C: 'f16c',
  HW_CPU_X86_FMA3: 'fma',
  HW_CPU_X86_FMA4: 'fma4',
  HW_CPU_X86_MMX: 'mmx',
  HW_CPU_X86_MPX: 'mpx',
  HW_CPU_X86_SHA: 'sha-ni',
  HW_CPU_X86_SSE: 'sse',
  HW_CPU_X86_SSE2: 'sse2',
  HW_CPU_X86_SSE3: 'sse3',
  HW_CPU_X86_SSE41: 'sse4.1',
  HW_CPU_X86_SSE42: 'sse4.2',
  HW_CPU_X86_SSE4A: 'sse4a',
  HW_CPU_X86_SSSE3: 'ssse3',
  HW_CPU_X86_TBM: 'tbm',
  HW_CPU_X86_XOP: 'xop',
};

/** As libvirt writes it: models are named in any case. @throws GantryError `guest_refused` for one that libvirt lacks */
export function canonicalModel(name: string, { cpuModels }: HostFacts): string {
  if (!cpuModels) return name;
  const lower = name.toLowerCase();
  const model = cpuModels.find((candidate) => candidate.toLowerCase() === lower);
  if (model === undefined) throw refused(`libvirt on this node knows no CPU model ${name}`, 'InvalidCPUInfo');
  return model;
}

/** The first model, or the first that has what the flavor’s traits require. @throws GantryError `guest_refused` */
export function modelWithTraits(
  models: readonly string[],
  { flavor }: Settings,
  { cpuModelFeatures }: HostFacts,
): string | undefined {
  const features: string[] = [];
  for (const [key, { value }] of flavor) {
    const feature = value === 'required' ? featureOfTrait[key.replace(/^trait\w*:/, '')] : undefined;
    if (feature !== undefined) features.push(feature);
  }
  if (features.length === 0 || !cpuModelFeatures) return models[0];
  const found = models.find((model) =>
    features.every((feature) => cpuModelFeatures[model]?.includes(feature)),
  );
  if (found === undefined)
    throw refused(
      `none of the CPU models ${models.join(', ')} has ${features.join(', ')}, which the flavor’s traits require`,
      'InvalidCPUInfo',
    );
  return found;
}
