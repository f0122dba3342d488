/** A case’s request to placement. */

import { validate } from '@gantry/model';
import { type PlacementRequest, placementRequest } from '../placement-request.ts';
import { NovaCase } from './case.ts';
import { settingsOf } from './render-case.ts';

/** @throws GantryError where the API would refuse */
export function placementOfCase(input: unknown): PlacementRequest {
  const nova = validate(NovaCase, input);
  const { flavor, image } = nova;
  const onVolume = nova.volumes?.some((volume) => volume.boot_index === 0) ?? false;
  const root = onVolume ? 0 : (flavor.root_gb ?? 0);
  return placementRequest(settingsOf(nova), {
    vcpus: flavor.vcpus,
    memoryMiB: flavor.memory_mb,
    diskGiB: root + (flavor.ephemeral_gb ?? 0) + Math.ceil((flavor.swap ?? 0) / 1024),
    ...(onVolume || image.disk_format === undefined ? {} : { imageFormat: image.disk_format }),
  });
}
