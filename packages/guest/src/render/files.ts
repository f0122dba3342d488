/** Flavor, image, host and configuration as files to one case: in Nova’s words, or as Gantry’s own `show -o json` gives them. */
import { err } from '@gantry/model';

type Fields = Readonly<Record<string, unknown>>;

/** Contents of the files, parsed. */
export interface RenderFiles {
  readonly flavor: unknown;
  readonly image: unknown;
  readonly host?: unknown;
  readonly config?: unknown;
}

/** A preview has no instance of its own. */
const preview = { uuid: '00000000-0000-4000-8000-000000000000', name: 'preview' };

/** A host about which nobody said anything: libvirt judges the rest. */
const someHost = { arch: 'x86_64', uefi: true, secure_boot: true };

/** @throws GantryError `invalid_argument` where a file is not a table of fields */
export const caseFromFiles = (files: RenderFiles): Fields => ({
  flavor: flavorOf(fieldsOf('--flavor', files.flavor)),
  image: imageOf(fieldsOf('--image', files.image)),
  host: files.host === undefined ? someHost : fieldsOf('--host', files.host),
  config: files.config === undefined ? {} : fieldsOf('--config', files.config),
  instance: preview,
  nics: [],
});

function fieldsOf(what: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw err('invalid_argument', { what: `the file of ${what}`, wanted: 'a table of fields' });
  return value as Fields;
}

/** A resource says what is wanted in `spec`. */
const specOf = (fields: Fields): Fields | undefined =>
  typeof fields['spec'] === 'object' && fields['spec'] !== null ? (fields['spec'] as Fields) : undefined;

const MIB_PER_GIB = 1024;

function flavorOf(fields: Fields): Fields {
  const spec = specOf(fields) ?? ('memoryMiB' in fields ? fields : undefined);
  if (!spec) return { root_gb: 10, ...fields };
  const disk = spec['diskMiB'];
  return {
    name: fields['name'] ?? 'flavor',
    vcpus: spec['vcpus'],
    memory_mb: spec['memoryMiB'],
    root_gb: typeof disk === 'number' ? Math.ceil(disk / MIB_PER_GIB) : 10,
    extra_specs: spec['extraSpecs'] ?? {},
  };
}

function imageOf(fields: Fields): Fields {
  const spec = specOf(fields);
  if (!spec) return { disk_format: 'qcow2', ...fields };
  const disk = spec['minDiskMiB'];
  return {
    name: fields['name'] ?? 'image',
    disk_format: spec['format'] ?? 'qcow2',
    ...(typeof disk === 'number' ? { min_disk: Math.ceil(disk / MIB_PER_GIB) } : {}),
    properties: spec['properties'] ?? {},
  };
}
