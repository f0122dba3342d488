/** Graphics, hw_video_*, pointers and keyboards. */
import { type Channel, channel, SPICE_CHANNEL } from '../elements/channel.ts';
import { type Graphics, graphics } from '../elements/graphics.ts';
import { type Input, input } from '../elements/input.ts';
import { type Video, type VideoModel, video } from '../elements/video.ts';
import { builtin, origin } from '../origin.ts';
import { invalid } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { isX86 } from './machine.ts';
import { because, integerOf, type Settings, windowsFrom, wordOf } from './settings.ts';
import { virtioFrom } from './virtio.ts';

const byNode = origin('host', 'graphics', 'as the node is configured');

export function graphicsFrom({ identity, node }: Wanted): Graphics[] {
  const displays: Graphics[] = [];
  if (identity.vncSocket !== undefined)
    displays.push(
      graphics({
        type: 'vnc',
        at: { socket: identity.vncSocket },
        origin: builtin(
          'graphics',
          'VNC on a unix socket: reachable through the agent only, no port is open',
        ),
      }),
    );
  if (node.vnc) displays.push(graphics({ type: 'vnc', at: node.vnc, origin: byNode }));
  if (node.spice)
    displays.push(graphics({ type: 'spice', at: { address: node.spice.address }, origin: byNode }));
  return displays;
}

/** SPICE’s own agent in the guest: clipboard, resizing, an absolute pointer. */
export const spiceChannelFrom = ({ node }: Wanted): Channel[] =>
  node.spice?.agent ? [channel({ name: SPICE_CHANNEL, origin: byNode })] : [];

export function videoFrom(wanted: Wanted): Video {
  const { settings, node, machine } = wanted;
  const image = wordOf<VideoModel>(settings, 'image', 'hw_video_model');
  const { video: usual, videoWithSpice } = settings.profile;
  const fallback = node.spice && isX86(machine.architecture) ? videoWithSpice : usual;
  const model = image?.value ?? fallback;
  const memoryMiB = videoMemory(settings);
  return video({
    model,
    ...(memoryMiB > 0 ? { memoryKiB: memoryMiB * 1024 } : {}),
    ...virtioFrom(wanted, model === 'virtio'),
    origin: image
      ? because(image, 'the image decides').origin
      : builtin('hw_video_model', 'a display that boot loaders and every current system know'),
  });
}

/**
 * MiB that the image asks for; 0 where it asks for nothing.
 * @throws GantryError `invalid_property` for more than the flavor allows
 */
export function videoMemory(settings: Settings): number {
  const asked = integerOf(settings, 'image', 'hw_video_ram')?.value ?? 0;
  const most = integerOf(settings, 'flavor', 'hw_video:ram_max_mb')?.value ?? 0;
  if (asked > most)
    throw invalid(
      'hw_video_ram',
      String(asked),
      `the flavor allows at most ${most} MiB (hw_video:ram_max_mb)`,
      'RequestedVRamTooHigh',
    );
  return asked;
}

type Bus = Input['bus'];

export const inputsFrom = (wanted: Wanted): Input[] => [...pointerFrom(wanted), ...keyboardFrom(wanted)];

/** The pointer of a display is absolute, and so is a tablet; SPICE’s agent does without. */
function pointerFrom({ settings, node }: Wanted): Input[] {
  if (node.spice?.agent && !node.vnc) return [];
  const bus = wordOf<Bus>(settings, 'image', 'hw_input_bus');
  if (bus)
    return [input({ type: 'tablet', bus: bus.value, origin: because(bus, 'the image decides').origin })];
  const model = wordOf<string>(settings, 'image', 'hw_pointer_model');
  const windows = settings.profile.tabletForWindows ? windowsFrom(settings) : undefined;
  const asked = model ?? windows;
  if (!asked && !node.tablet) return [];
  const by = asked
    ? because(asked, 'the pointer of a display is absolute, and so is a tablet').origin
    : origin('host', 'tablet', 'as the node is configured');
  return [input({ type: 'tablet', bus: 'usb', origin: by })];
}

function keyboardFrom({ settings, machine }: Wanted): Input[] {
  const bus = wordOf<Bus>(settings, 'image', 'hw_input_bus');
  if (bus)
    return [input({ type: 'keyboard', bus: bus.value, origin: because(bus, 'the image decides').origin })];
  if (!settings.profile.keyboardArchitectures.includes(machine.architecture)) return [];
  const by = builtin('hw_input_bus', `machines of ${machine.architecture} have no keyboard of their own`);
  return [input({ type: 'keyboard', bus: 'usb', origin: by })];
}
