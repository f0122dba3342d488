/** Runs acts side by side once one has succeeded; before that one after the other. */
export interface FirstAlone {
  <T>(act: () => Promise<T>): Promise<T>;
  /** From now on the next success is a first one again. */
  again(): void;
}

export function firstAlone(): FirstAlone {
  let open = false;
  let last: Promise<unknown> = Promise.resolve();
  const run = async <T>(act: () => Promise<T>): Promise<T> => {
    if (open) return act();
    const mine = last.then(async () => {
      const result = await act();
      open = true;
      return result;
    });
    last = mine.catch(() => undefined);
    return mine;
  };
  return Object.assign(run, {
    again: () => {
      open = false;
    },
  });
}
