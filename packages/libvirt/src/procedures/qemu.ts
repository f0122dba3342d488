import { int, nullable, string, uint } from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** QEMU's own program (0x20008087): monitor and guest agent. Numbers and layouts as in libvirt 9.0.0. */
export const qemuProcedures = {
  /** A QMP command as JSON text (HMP with `virDomainQemuMonitorCommandFlags`); taints the domain. */
  domainMonitorCommand: proc(1, { dom: domainRef, cmd: string, flags }, string),
  /** Not for new code: takes over a QEMU started by hand. */
  domainQemuAttach: proc(2, { pidValue: uint, flags }, domainRef),
  /** A guest agent command as JSON text; `timeout` in seconds or a `virDomainQemuAgentCommandTimeoutValues`. */
  domainAgentCommand: proc(3, { dom: domainRef, cmd: string, timeout: int, flags }, nullable(string)),
};
