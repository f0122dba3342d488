/** Gantry's element in the metadata of a domain that it does not define. libvirt changes nothing else for it. */
import { type Identity, MARK_KEY, METADATA_NAMESPACE, markText } from '@gantry/guest';
import {
  type Domain,
  virDomainModificationImpact as Impact,
  type LibvirtClient,
  virDomainMetadataType,
} from '@gantry/libvirt';
import { isAlive, type StateName } from '../libvirt-names.ts';

export const setMark = (
  lv: LibvirtClient,
  dom: Domain,
  state: StateName,
  identity: Identity,
): Promise<void> => write(lv, dom, state, markText(identity));

export const removeMark = (lv: LibvirtClient, dom: Domain, state: StateName): Promise<void> =>
  write(lv, dom, state, null);

/** In what runs and in its definition, as far as there is either. */
async function write(
  lv: LibvirtClient,
  dom: Domain,
  state: StateName,
  metadata: string | null,
): Promise<void> {
  const live = isAlive(state) ? Impact.VIR_DOMAIN_AFFECT_LIVE : 0;
  const config = (await lv.domainIsPersistent({ dom })) ? Impact.VIR_DOMAIN_AFFECT_CONFIG : 0;
  const type = virDomainMetadataType.VIR_DOMAIN_METADATA_ELEMENT;
  const what = { type, metadata, key: MARK_KEY, uri: METADATA_NAMESPACE };
  await lv.domainSetMetadata({ dom, ...what, flags: live | config });
}
