/** How each kind of device comes, goes and changes in a running guest. */
import type { Logger, PluggedSpec } from '../actions.ts';
import { attachDisk, detachDisk, type PlugParts, updateDisk } from './plug.ts';
import { attachCd, changeMedium, detachCd } from './plug-cd.ts';
import { attachNic, detachNic, updateNic } from './plug-nic.ts';

interface Pluggable {
  attach(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void>;
  detach(spec: PluggedSpec, parts: PlugParts, log: Logger, signal: AbortSignal): Promise<void>;
  update(spec: PluggedSpec, parts: PlugParts, log: Logger, signal: AbortSignal): Promise<void>;
}

const disks: Pluggable = { attach: attachDisk, detach: detachDisk, update: updateDisk };
const nics: Pluggable = { attach: attachNic, detach: detachNic, update: updateNic };
const cds: Pluggable = { attach: attachCd, detach: detachCd, update: changeMedium };

export const deviceOf = ({ plug }: PluggedSpec): Pluggable =>
  plug.cd === undefined ? (plug.mac ? nics : disks) : cds;
