/**
 * Header of a request that is about one project: its name or id, percent-encoded. Names are looked up there and among what
 * all projects share, new things belong to it, and an administrator sees nothing of others.
 */
export const PROJECT_HEADER = 'gantry-project';
