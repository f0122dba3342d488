/** Settings of flavor, image, instance and policy to a guest's hardware. Pure: no I/O. */

export {
  type ForeignHardware,
  markedText,
  readForeign,
  unmarkedText,
  waitingChanges,
} from './adoption/foreign-domain.ts';
export { devicesOf as bootDevicesOf } from './boot-order.ts';
export { checkCombination } from './check-combination.ts';
export { compileGuest, renderDomain } from './compile.ts';
export { domainName } from './domain-name.ts';
export type { Application } from './drift/applies.ts';
export { diffGuest, type Present, type Settled } from './drift/diff.ts';
export { exchangeDevice, type Recorded } from './drift/exchange.ts';
export { emulatedKeepsCpus, type LiveSize, liveSize } from './drift/live-size.ts';
export { settingApplies } from './drift/settings.ts';
export type { Device } from './elements/devices.ts';
export { deviceToXml } from './elements/devices.ts';
export type { Disk as DiskElement } from './elements/disk.ts';
export type { GuestDomain } from './elements/domain.ts';
export { domainToXml } from './elements/domain.ts';
export type { Interface as NicElement } from './elements/interface.ts';
export type { Identity } from './elements/metadata.ts';
export { MARK_KEY, METADATA_NAMESPACE, markText } from './elements/metadata.ts';
export { explain, explainAdditions } from './explain.ts';
export type { HostContext } from './host-context.ts';
export { passesImageFilter } from './image-filter.ts';
export { cdName, cdSlotOf } from './input-cds.ts';
export { type DeviceAddress, type DomainFacts, parseDomain, readDomain } from './libvirt/domain-facts.ts';
export type { LiveDevices, LiveDisk } from './libvirt/live-devices.ts';
export { withSizes } from './libvirt/with-sizes.ts';
export { iotuneOf } from './limits.ts';
export { cpuSetsOf } from './node/cells.ts';
export { eitherOf } from './node/either.ts';
export type { Bound, HardwareFit, NodeOffer, OfferAnswer } from './node/node-offer.ts';
export { offers } from './node/offer.ts';
export { traitsOf } from './node/traits.ts';
export { refusalOn } from './node/trial.ts';
export { formatCpuList, parseCpuList } from './numa/cpu-list.ts';
export type { Level, Origin } from './origin.ts';
export { type PlacementRequest, placementRequest } from './placement-request.ts';
export { type Accelerator, gantryProfile, novaProfile, type Profile } from './profiles.ts';
export { type Answer, answerLine, answerTo } from './render/batch.ts';
export { caseFromFiles, type RenderFiles } from './render/files.ts';
export { placementOfCase } from './render/placement.ts';
export { renderCase } from './render/render-case.ts';
export { overheadMiB, requirements } from './requirements.ts';
export { askedMachineType, cdBusOf, diskBusOf, rootDevice } from './resolve.ts';
export { type Combination, checkExtraSpecs, checkImageProperties } from './specs/check.ts';
export { takesHostModel } from './specs/cpu-baseline.ts';
export { serialOf } from './specs/disk.ts';
export { flavorKeys } from './specs/flavor-keys.ts';
export { imageKeys } from './specs/image-keys.ts';
export type { Key, KeyState, KeyType } from './specs/key.ts';
export {
  precedenceText,
  referencePage,
  stateText,
} from './specs/keys/reference.ts';
export {
  checkPolicy,
  type EffectivePolicy,
  lifePolicy,
  type PolicyValue,
  resolvePolicy,
} from './specs/policy.ts';
export { findKey } from './specs/read.ts';
export { rescueDriveOf } from './specs/rescue.ts';
export { meaning as rngMeaning } from './specs/rng.ts';
export { TAP_PREFIX, tapName } from './tap-name.ts';
export { child, descend, element, elements, text, type XmlElement } from './xml/element.ts';
export { parseXml } from './xml/parser.ts';
export { writeInline, writeXml } from './xml/writer.ts';
