/** Loop devices are the node's, not of a mount namespace: what a killed script left on our file is taken away here. */
import { run } from '../process/run.ts';

/** Loop devices that stand on a file. */
export async function loopDevicesOf(path: string): Promise<string[]> {
  const { stdout } = await run(
    ['losetup', '--noheadings', '--raw', '--output', 'NAME', '--associated', path],
    {
      okCodes: [0, 1],
    },
  );
  return stdout.split('\n').filter((line) => line.startsWith('/dev/loop'));
}

/** Detaches them; a device that is still in use goes when its last user does. Returns those it detached. */
export async function detachLoopDevices(path: string): Promise<string[]> {
  const devices = await loopDevicesOf(path);
  for (const device of devices) await run(['losetup', '--detach', device], { okCodes: [0, 1] });
  return devices;
}
