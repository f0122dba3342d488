/** What goes wrong with libvirt and with the node's files, in Gantry's words. */

import { LibvirtError, TransportError, XdrError } from '@gantry/libvirt';
import { err, isGantryError } from '@gantry/model';

/** libvirt is there, and does not take who comes for its client. */
export const isRefusal = (error: unknown): error is TransportError =>
  error instanceof TransportError && error.code === 'AUTH';

/** The error to throw on: refusals of libvirt keep its own message. */
export function translate(error: unknown, node: string): unknown {
  if (isGantryError(error)) return error;
  if (isRefusal(error)) return err('hypervisor_auth', { node, why: error.message }, error);
  if (error instanceof LibvirtError)
    return err('hypervisor_error', { call: error.call, message: error.message }, error);
  if (error instanceof TransportError || error instanceof XdrError)
    return err('hypervisor_unreachable', { node, why: error.message }, error);
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return err('no_space', { where: path ?? node }, error);
  return error;
}
