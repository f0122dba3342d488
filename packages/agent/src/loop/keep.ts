/** The journal on the disk. What could not be written there (it is full) is written before anything new is begun. */
import type { AgentParts, AgentState } from './state.ts';

/** Writes it as it is now. @throws the system's error, which is told as a condition of the node until a write succeeds */
export async function keep({ journal }: Pick<AgentParts, 'journal'>, state: AgentState): Promise<void> {
  const { keeping } = state;
  const mine = ++keeping.asked;
  const before = keeping.why;
  try {
    await journal.write(state.journal);
    keeping.done = Math.max(keeping.done, mine);
    delete keeping.why;
  } catch (error) {
    keeping.why = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    if (keeping.why !== before) state.tell.set();
  }
}

export const isKept = ({ keeping }: Pick<AgentState, 'keeping'>): boolean => keeping.done === keeping.asked;
