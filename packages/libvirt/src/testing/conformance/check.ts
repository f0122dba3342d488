/** What a check is, and the guest that it plays with. */
import type { LibvirtClient } from '../../client.ts';
import { virDomainUndefineFlagsValues } from '../../enums/domain-flags.ts';
import type { Domain } from '../../objects.ts';

/** What a check gets: a client and a guest to play with. */
export interface ConformanceContext {
  readonly lv: LibvirtClient;
  /** XML of a guest with this identity that the server can run and that obeys a shutdown request. */
  guestXml(identity: { name: string; uuid: string; extra?: string }): string;
  newUuid(): string;
  /** Resolves once the guest just started would obey a shutdown request. */
  booted(dom: Domain): Promise<void>;
}

export interface ConformanceCheck {
  readonly title: string;
  run(context: ConformanceContext): Promise<void>;
}

/** Defined before, gone after, whatever happened. */
export async function withGuest(
  context: ConformanceContext,
  use: (dom: Domain, uuid: string) => Promise<void>,
  extra = '',
): Promise<void> {
  const uuid = context.newUuid();
  const xml = context.guestXml({ name: `check-${uuid.slice(0, 8)}`, uuid, extra });
  const dom = await context.lv.domainDefineXmlFlags({ xml });
  try {
    await use(dom, uuid);
  } finally {
    await context.lv.domainDestroyFlags({ dom }).catch(() => {});
    const flags = virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE;
    await context.lv.domainUndefineFlags({ dom, flags }).catch(() => {});
  }
}

export async function stateOf(lv: LibvirtClient, dom: Domain): Promise<[number, number]> {
  const { state, reason } = await lv.domainGetState({ dom });
  return [state, reason];
}
