/** hw_video_model; the display on a unix socket; the pointer. */
import { type Controller, controller } from '../elements/controller.ts';
import { type Graphics, graphics } from '../elements/graphics.ts';
import { type Input, input } from '../elements/input.ts';
import { type Video, type VideoModel, video } from '../elements/video.ts';
import { builtin } from '../origin.ts';
import { diskBusFrom } from './disk.ts';
import { because, type Settings, windowsFrom, wordOf } from './settings.ts';

export function videoFrom(settings: Settings): Video {
  const image = wordOf<VideoModel>(settings, 'image', 'hw_video_model');
  return image
    ? video({ model: image.value, origin: because(image, 'the image decides').origin })
    : video({
        model: settings.profile.video,
        origin: builtin('hw_video_model', 'a display that boot loaders and every current system know'),
      });
}

export const graphicsFrom = (socket: string): Graphics =>
  graphics({
    socket,
    origin: builtin('graphics', 'VNC on a unix socket: reachable through the agent only, no port is open'),
  });

/** Windows’ own mouse driver follows a VNC pointer badly. */
export function pointerFrom(settings: Settings): Input[] {
  const windows = windowsFrom(settings);
  if (!windows) return [];
  const { origin } = because(windows, 'the pointer of a display is absolute, and so is a tablet');
  return [input({ type: 'tablet', bus: 'usb', origin })];
}

/** A USB controller keeps an idle guest’s QEMU busy with polling. */
export function usbControllerFrom(settings: Settings): Controller[] {
  const needed = windowsFrom(settings) !== undefined || diskBusFrom(settings).value === 'usb';
  if (needed || !settings.profile.usbOnlyWhereNeeded) return [];
  const by = builtin('usb', 'nothing of this guest needs USB, whose polling keeps an idle QEMU busy');
  return [controller({ type: 'usb', index: 0, model: 'none', origin: by })];
}
