import { ImageName } from '../ids.ts';
import { oneOf, optional, recordOf, type Static, strict, stringMap, Type } from '../schema.ts';
import { Bytes, MiB } from '../units.ts';
import { resource } from './common.ts';

const path = (description: string) =>
  Type.String({ pattern: '^/[^\\u0000-\\u001f\\u007f]{0,1023}$', description });

/** Direct kernel boot, as Ganeti's kernel_path, initrd_path, root_path, kernel_args. `node`: the node's own kernel for guests. */
export const Boot = strict(
  {
    kernel: Type.Union([Type.Literal('node'), Type.Literal('disk'), path('kernel on the node')], {
      description:
        '`disk`: firmware boots from the disk; `node`: the node’s kernel for guests; or a path on the node',
    }),
    initrd: optional(Type.Union([Type.Literal('node'), path('initrd on the node')])),
    root: optional(
      Type.String({ pattern: '^[A-Za-z0-9/=_.:-]{1,128}$', description: 'root device, default /dev/vda' }),
    ),
    args: optional(
      Type.String({
        maxLength: 1024,
        pattern: '^[\\u0020-\\u007e]*$',
        description: 'further kernel arguments',
      }),
    ),
  },
  { description: 'what the guest boots' },
);
export type Boot = Static<typeof Boot>;

/** An OS provider with variant and parameters: makes the disk’s content on the node. */
export const OsSource = strict({
  provider: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    description: '`debootstrap` is built in; others are Ganeti OS definitions on the node',
  }),
  variant: optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })),
  parameters: optional(
    recordOf('^[a-z][a-z0-9_]{0,63}$', Type.String({ maxLength: 4096, pattern: '^[^\\u0000]*$' }), {
      description: 'OS parameters, lower case',
    }),
  ),
});
export type OsSource = Static<typeof OsSource>;

export const imageFormats = ['qcow2', 'raw', 'iso'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export const ImageSpec = strict({
  source: oneOf(['file', 'os'] as const, '`file`: uploaded content; `os`: an OS provider makes it'),
  format: optional(
    oneOf(
      imageFormats,
      'of the uploaded file; stated, never probed. `iso` is for CD drives and never a disk’s content',
    ),
  ),
  os: optional(OsSource),
  boot: optional(Boot),
  minDiskMiB: optional(MiB('smallest disk it fits on')),
  properties: optional(stringMap('Nova’s image properties, same keys, same meaning')),
});
export type ImageSpec = Static<typeof ImageSpec>;

export const imageStates = ['empty', 'ready'] as const;

export const ImageStatus = strict({
  state: oneOf(imageStates),
  sha256: optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'of the content as uploaded' })),
  sizeBytes: optional(Bytes('of the uploaded file')),
  virtualBytes: optional(Bytes('of the disk it describes')),
});
export type ImageStatus = Static<typeof ImageStatus>;

/** What an instance's first disk is made from. */
export const Image = resource('image', ImageName, ImageSpec, ImageStatus);
export type Image = Static<typeof Image>;
