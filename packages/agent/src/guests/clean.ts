/** The guest’s own words as text for people. */

/** One line without control characters, cut. */
export const clean = (text: string, longest: number): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, longest);
