import { array, defaulted, int, only, string } from '../layouts.ts';
import { domainCheckpointRef, domainRef, domainSnapshotRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** Snapshots and checkpoints. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const snapshotProcedures = {
  domainSnapshotCreateXml: proc(185, { dom: domainRef, xmlDesc: string, flags }, domainSnapshotRef),
  domainSnapshotGetXmlDesc: proc(186, { snap: domainSnapshotRef, flags }, string),
  domainSnapshotNum: proc(187, { dom: domainRef, flags }, int),
  domainSnapshotListNames: proc(188, { dom: domainRef, maxnames: int, flags }, array(string, 16384)),
  domainSnapshotLookupByName: proc(189, { dom: domainRef, name: string, flags }, domainSnapshotRef),
  domainSnapshotCurrent: proc(191, { dom: domainRef, flags }, domainSnapshotRef),
  domainSnapshotDelete: proc(193, { snap: domainSnapshotRef, flags }),
  domainSnapshotGetParent: proc(244, { snap: domainSnapshotRef, flags }, domainSnapshotRef),
  domainSnapshotNumChildren: proc(246, { snap: domainSnapshotRef, flags }, int),
  domainSnapshotListChildrenNames: proc(
    247,
    { snap: domainSnapshotRef, maxnames: int, flags },
    array(string, 16384),
  ),
  domainSnapshotIsCurrent: proc(271, { snap: domainSnapshotRef, flags }, int),
  domainSnapshotHasMetadata: proc(272, { snap: domainSnapshotRef, flags }, int),
  domainSnapshotListAllChildren: proc(
    275,
    { snapshot: domainSnapshotRef, needResults: defaulted(int, 1), flags },
    only('snapshots', { snapshots: array(domainSnapshotRef, 16384), ret: int }, (snapshots) => ({
      ret: snapshots.length,
    })),
  ),
  domainCheckpointCreateXml: proc(411, { dom: domainRef, xmlDesc: string, flags }, domainCheckpointRef),
  domainCheckpointGetXmlDesc: proc(412, { checkpoint: domainCheckpointRef, flags }, string),
  domainCheckpointListAllChildren: proc(
    414,
    { checkpoint: domainCheckpointRef, needResults: defaulted(int, 1), flags },
    only('checkpoints', { checkpoints: array(domainCheckpointRef, 16384), ret: int }, (checkpoints) => ({
      ret: checkpoints.length,
    })),
  ),
  domainCheckpointLookupByName: proc(415, { dom: domainRef, name: string, flags }, domainCheckpointRef),
  domainCheckpointGetParent: proc(416, { checkpoint: domainCheckpointRef, flags }, domainCheckpointRef),
  domainCheckpointDelete: proc(417, { checkpoint: domainCheckpointRef, flags }),
};
