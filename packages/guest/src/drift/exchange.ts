/**
 * What is on record of a running guest (what was asked for, and why), after a device came, went or changed. Everything
 * else stays as it was asked for when the guest started: settings of today reach it at its next start. Pure.
 */
import type { Provenance } from '@gantry/model';
import { domainToXml, type GuestDomain } from '../elements/domain.ts';
import { explain } from '../explain.ts';
import { withChild, withDevice } from '../libvirt/live-devices.ts';
import { steps } from '../paths.ts';
import { child, type XmlElement } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import { writeXml } from '../xml/writer.ts';

export interface Recorded {
  /** XML that libvirt was given. */
  asked?: string;
  explanation: Provenance[];
}

/** @param step as paths name the device: `disk[vdb]`. `guest` has it, or (it is gone) has it not. */
export function exchangeDevice(record: Recorded, guest: GuestDomain, step: string): Recorded {
  const now = domainToXml(guest);
  const own = [`/domain/devices/${step}`, '/domain/iothreads', ...controllersOf(now, step)];
  const isOwn = ({ path }: Provenance) => own.some((one) => path === one || path.startsWith(`${one}/`));
  return {
    explanation: [...record.explanation.filter((one) => !isOwn(one)), ...explain(guest).filter(isOwn)],
    ...(record.asked === undefined ? {} : { asked: writeXml(exchanged(parseXml(record.asked), now, step)) }),
  };
}

/** A disk on SCSI may have brought its controller along. */
const controllersOf = (domain: XmlElement, step: string): string[] =>
  step.startsWith('disk[sd') && steps(child(domain, 'devices')).has(SCSI) ? [`/domain/devices/${SCSI}`] : [];

const SCSI = 'controller[scsi0]';

function exchanged(asked: XmlElement, now: XmlElement, step: string): XmlElement {
  const devices = steps(child(now, 'devices'));
  const ofStep = withDevice(asked, step, devices.get(step));
  const scsi = devices.get(SCSI);
  const withScsi = scsi && step.startsWith('disk[sd') ? withDevice(ofStep, SCSI, scsi) : ofStep;
  const threads = child(now, 'iothreads');
  if (threads) return withChild(withScsi, threads);
  return { ...withScsi, children: withScsi.children.filter((one) => one !== child(withScsi, 'iothreads')) };
}
