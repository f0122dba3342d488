/** Graphics, input, sound, USB, serial ports. */
import { videoModels } from '../../elements/video.ts';
import { built, byNode, effect, type Family, family, integer, later, newer, twins, words } from '../key.ts';

const refuse = (why: string) => ({ why, nova: 'InvalidVideoMode' });

export const display: Family = family(
  'Display, input, sound',
  [
    twins(
      later,
      'serial_port_count',
      'lower',
      { flavor: integer(0), image: integer(0) },
      '1',
      'Serial ports, 3 at most; 0 counts as not set.',
      { ...byNode, harmless: ['0', '1'], ...effect('devices/serial'), nova: 'ImageSerialPortNumberInvalid' },
    ),
    twins(
      later,
      'sound_model',
      'equal',
      words(['sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio']),
      'none',
      'A sound card; virtio needs libvirt 10.4.',
      { ...newer, ...byNode, ...effect('devices/sound@model') },
    ),
    twins(
      built,
      'usb_model',
      'equal',
      words(['none', 'nec-xhci', 'qemu-xhci']),
      'as devices need it',
      'Model of the USB controller.',
      { ...newer, ...effect('devices/controller[usb]@model') },
    ),
    twins(
      later,
      'redirected_usb_ports',
      'equal',
      integer(0, 15),
      '0',
      'USB ports for devices of a SPICE client.',
      { ...newer, ...byNode, harmless: ['0'], ...effect('devices/redirdev') },
    ),
  ],
  [
    built('hw_video:ram_max_mb', integer(0), '0', 'Most video memory that an image may ask for.', {
      unit: 'MiB',
      ...effect('devices/video/model@vram'),
    }),
  ],
  [
    built(
      'hw_video_model',
      words(videoModels, {
        refused: {
          xen: refuse('it belongs to another hypervisor; use virtio'),
          gop: refuse('libvirt’s QEMU driver has no such model; use virtio or bochs'),
        },
      }),
      'virtio',
      'Model of the graphics card.',
      effect('devices/video/model@type'),
    ),
    built(
      'hw_video_ram',
      integer(0),
      'QEMU decides',
      'Video memory, up to hw_video:ram_max_mb of the flavor.',
      {
        unit: 'MiB',

        ...effect('devices/video/model@vram'),
      },
    ),
    built('hw_input_bus', words(['usb', 'virtio']), 'none', 'Bus of a tablet and a keyboard.', {
      ...effect('devices/input@bus'),
    }),
    built('hw_pointer_model', words(['usbtablet']), 'as the node is configured', 'Pointer device.', {
      ...effect('devices/input[tablet]'),
    }),
  ],
);
