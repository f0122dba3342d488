/** Does the file system of a file allow O_DIRECT? Some (tmpfs before Linux 6.6, several FUSE ones) refuse it. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

export async function allowsDirectIo(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_DIRECT)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false;
    throw error;
  }
}
