/** What goes wrong with libvirt and with the node's files, in Gantry's words. */

import {
  isInvalidInput,
  isUnsupported,
  LibvirtError,
  TransportError,
  virErrorNumber,
  XdrError,
} from '@gantry/libvirt';
import { err, type GantryError, isGantryError } from '@gantry/model';

/** libvirt is there, and does not take who comes for its client. */
export const isRefusal = (error: unknown): error is TransportError =>
  error instanceof TransportError && error.code === 'AUTH';

/** The error to throw on: refusals of libvirt and QEMU keep its own message. */
export function translate(error: unknown, node: string): unknown {
  if (isGantryError(error)) return error;
  if (isRefusal(error)) return err('hypervisor_auth', { node, why: error.message }, error);
  if (error instanceof LibvirtError) return refusalOf(error);
  if (error instanceof TransportError && error.code === 'TIMEOUT' && error.call !== undefined)
    return err('hypervisor_slow', { node, what: error.message }, error);
  if (error instanceof TransportError || error instanceof XdrError)
    return err('hypervisor_unreachable', { node, why: error.message }, error);
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return err('no_space', { where: path ?? node }, error);
  return error;
}

/** The call that hands over the definition of a guest, and the one that starts it. */
const making = ['domainDefineXmlFlags', 'domainCreateWithFlags', 'domainCreateXml'];

const isOfDefinition = (error: LibvirtError): boolean =>
  error.code === virErrorNumber.VIR_ERR_CPU_INCOMPATIBLE || isInvalidInput(error) || isUnsupported(error);

/** What cannot be known before a guest is made, by who refuses it. */
function refusalOf(error: LibvirtError): GantryError {
  const { call, message } = error;
  if (/cannot limit locked memory/.test(message))
    return err('host_unfit', { ...lockedMemory, why: `${lockedMemory.why}: ${message}` }, error);
  if (making.includes(call)) {
    const said = qemuSaid(message);
    if (said !== undefined) return err('qemu_refused', { message: said }, error);
    if (isOfDefinition(error)) return err('config_refused', { message }, error);
  }
  return err('hypervisor_error', { call, message }, error);
}

/** QEMU's own words, without time and name of the program: libvirt passes them on when it ends at its start. */
function qemuSaid(message: string): string | undefined {
  const words =
    /^(?:internal error: )?(?:process exited while connecting to monitor|qemu unexpectedly closed the monitor): ?(.*)$/s.exec(
      message,
    )?.[1];
  if (words === undefined) return undefined;
  const lines = words
    .split('\n')
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '').replace(/^qemu-system-\w+: /, ''))
    .filter((line) => line !== '');
  return lines.join('; ').slice(0, 2000) || 'it ended without a word';
}

/** Raising the limit of another process needs CAP_SYS_RESOURCE, which containers often lack. */
const lockedMemory = {
  why: 'its guest’s memory is to be locked (hw:locked_memory), and libvirt may not raise QEMU’s limit for that',
  remedy: 'Give libvirt the capability CAP_SYS_RESOURCE on this node, or unset hw:locked_memory.',
};
