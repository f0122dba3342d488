/** hw:tpm_version, hw:tpm_model. */
import { type Tpm, tpm } from '../elements/tpm.ts';
import { type HostFacts, requireAbility } from '../host-facts.ts';
import { invalid, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { agreed, because, type Settings } from './settings.ts';

/** @throws GantryError `property_conflict`, `invalid_property` */
export function tpmSetting(settings: Settings) {
  const version = agreed<Tpm['version']>(settings, 'hw:tpm_version', 'hw_tpm_version');
  const { refuseIneffective } = settings.profile;
  if (!version) {
    const alone = settings.flavor.get('hw:tpm_model') ?? settings.image.get('hw_tpm_model');
    if (alone && refuseIneffective)
      throw invalid(alone.source, String(alone.value), 'it needs hw:tpm_version as well');
    return undefined;
  }
  const model = agreed<Tpm['model']>(settings, 'hw:tpm_model', 'hw_tpm_model');
  if (model?.value === 'tpm-crb' && version.value !== '2.0')
    throw invalid(model.source, model.value, 'it needs hw:tpm_version=2.0', 'Invalid');
  return { version, model: model?.value ?? ('tpm-tis' as const) };
}

export function tpmFrom({ settings, identity, host }: Wanted): Tpm[] {
  const asked = tpmSetting(settings);
  if (!asked) return [];
  const { tpmSecret: secret } = identity;
  if (secret === undefined && settings.profile.tpmNeedsSecret)
    throw refused('the state of its TPM must be encrypted, and there is no secret for it', 'Invalid');
  const { version, model } = asked;
  checkNode(host, version.value, model);
  return [
    tpm({
      version: version.value,
      model,
      ...(secret === undefined ? {} : { secret }),
      origin: because(version, `the ${version.level} asks for a TPM`).origin,
    }),
  ];
}

function checkNode(host: HostFacts, version: string, model: string): void {
  requireAbility(host, 'tpm', 'hw:tpm_version needs a TPM', 'TPMNotSupported');
  if (!host.tpm) return;
  const { versions, models } = host.tpm;
  if (!versions.includes(version))
    throw refused(`the node’s TPMs are of version ${versions.join(', ') || 'none'}, not ${version}`);
  if (!models.includes(model))
    throw refused(`the node’s QEMU has the TPM models ${models.join(', ') || 'none'}, not ${model}`);
}
