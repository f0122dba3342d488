/** Stop and remove guests, and acts on them. What is not there, or does not run, is done already. */
import {
  type Domain,
  isInvalidState,
  isNotFound,
  type LibvirtClient,
  virDomainShutdownFlagValues as Shutdown,
  virDomainUndefineFlagsValues as Undefine,
  virKeycodeSet,
} from '@gantry/libvirt';
import { type ActSpec, err, keyCodes } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { GuestDirectory } from './directory.ts';
import { isAlive } from './libvirt-names.ts';
import { type Found, lookAt, lookAtRunning, type Membership, refuseOlder } from './look.ts';
import type { Session } from './session.ts';

/** A guest agent that is alive answers in much less; then the power button is pressed instead. */
const AGENT_TIMEOUT_MS = 5000;

export interface StopParts {
  session: Session;
  directory: GuestDirectory;
  member: Membership;
}

/** Starts of guests (by libvirt's id) whose agent was asked already: an agent that lies is asked once. */
export type AskedAgents = Map<string, number>;

/** The guest agent if it is connected, else the power button. Does not wait for the guest to obey. */
export async function shutdownGuest(
  instance: string,
  { session, member }: StopParts,
  asked: AskedAgents,
  log: Logger,
): Promise<void> {
  const lv = await session.client();
  const found = await lookAtRunning(lv, instance, member);
  if (!found) return;
  if (found.facts.agentConnected && asked.get(instance) !== found.dom.id) {
    asked.set(instance, found.dom.id);
    if (await agentObeys(session, found, log)) return;
  }
  const flags = Shutdown.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN;
  await lv.domainShutdownFlags({ dom: found.dom, flags }).catch(unlessStopped);
}

/** On a connection of its own: libvirt waits up to a minute for an agent that took the command and does nothing. */
async function agentObeys(session: Session, { dom }: Found, log: Logger): Promise<boolean> {
  const flags = Shutdown.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT;
  try {
    await session.aside((lv) => lv.domainShutdownFlags({ dom, flags }, { timeoutMs: AGENT_TIMEOUT_MS }));
    return true;
  } catch (error) {
    log(
      'info',
      `the guest agent did not power ${dom.name} off (${String(error)}): pressing its power button`,
    );
    return false;
  }
}

export async function destroyGuest(instance: string, { session, member }: StopParts): Promise<void> {
  const lv = await session.client();
  const found = await lookAtRunning(lv, instance, member);
  if (found) await lv.domainDestroyFlags({ dom: found.dom }).catch(unlessStopped);
}

/** libvirt's record first, then the files: what is left after a crash is seen by the next look and removed then. */
export async function removeGuest(
  instance: string,
  { session, directory, member }: StopParts,
): Promise<void> {
  const lv = await session.client();
  const found = await lookAt(lv, instance, member);
  if (found && isAlive(found.state))
    throw err('wrong_state', {
      kind: 'guest',
      name: found.dom.name,
      state: found.state,
      action: 'remove',
      permitted: 'It must be stopped first.',
    });
  if (found) await undefine(lv, found);
  await directory.remove(instance);
}

/** Firmware variables and TPM state of one that was imported stay, as its disks do. */
async function undefine(lv: LibvirtClient, { dom, facts }: Found): Promise<void> {
  const state = facts.identity?.kept
    ? Undefine.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | Undefine.VIR_DOMAIN_UNDEFINE_KEEP_TPM
    : Undefine.VIR_DOMAIN_UNDEFINE_NVRAM;
  const flags =
    Undefine.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
    Undefine.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
    Undefine.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
    state;
  await lv.domainUndefineFlags({ dom, flags }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Done at most once: the loop has journaled its begin. */
export async function performAct(action: ActSpec['action'], { session, member }: StopParts): Promise<void> {
  const lv = await session.client();
  const found = await lookAt(lv, action.instance, member);
  if (found) refuseOlder(found, action.epoch);
  if (!found || !isAlive(found.state))
    throw err('wrong_state', {
      kind: 'instance',
      name: found?.facts.identity?.name || action.instance,
      state: found?.state ?? 'absent',
      action: action.kind.replace('guest.', ''),
      permitted: 'It must be running.',
    });
  const { dom } = found;
  switch (action.kind) {
    case 'guest.reboot':
      return reboot(session, found);
    case 'guest.reset':
      return lv.domainReset({ dom });
    case 'guest.pause':
      return found.state === 'paused' ? undefined : lv.domainSuspend({ dom });
    case 'guest.resume':
      return found.state === 'paused' ? lv.domainResume({ dom }) : undefined;
    case 'guest.nmi':
      return lv.domainInjectNmi({ dom });
    case 'guest.send-key':
      return pressKeys(lv, dom, action.keys ?? []);
  }
}

/** How long each is held; QEMU presses the next when that is over. */
const HOLD_MS = 50;

async function pressKeys(lv: LibvirtClient, dom: Domain, presses: readonly string[]): Promise<void> {
  const codeset = virKeycodeSet.VIR_KEYCODE_SET_LINUX;
  for (const press of presses)
    await lv.domainSendKey({ dom, codeset, holdtime: HOLD_MS, keycodes: keyCodes(press) });
}

/** Without flags libvirt asks the guest agent if there is one, and then presses the power button. */
const reboot = (session: Session, { dom }: Found): Promise<void> =>
  session.aside((lv) => lv.domainReboot({ dom }));

/** Does not wait for the guest to obey. */
export async function rebootGuest(instance: string, { session, member }: StopParts): Promise<void> {
  const found = await lookAtRunning(await session.client(), instance, member);
  if (found) await reboot(session, found).catch(unlessStopped);
}

/** It ended by itself meanwhile. */
function unlessStopped(error: unknown): void {
  if (!isInvalidState(error) && !isNotFound(error)) throw error;
}
