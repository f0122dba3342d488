import type { CommandOutput } from '@gantry/model';

/** Sends a line; resolves when there is room for another. */
export type Say = (line: CommandOutput) => Promise<void>;
