/** Lists of events as SQL, newest first. */
import type { EventFilter } from './store.ts';

type Value = string | number;

/** The last value, how many at most, is the caller's to add. */
export function eventsSql(
  { subject, type, projects, audit, refused, ofProjects, sinceMs, untilMs }: EventFilter,
  before = Number.MAX_SAFE_INTEGER,
): { sql: string; values: Value[] } {
  const where: string[] = [];
  const values: Value[] = [];
  const add = (condition: string, ...more: Value[]) => {
    where.push(condition);
    values.push(...more);
  };
  add('number < ?', before);
  if (subject !== undefined) add('subject = ?', subject);
  if (type !== undefined) add('type = ?', type);
  if (projects) add(`project in (${projects.map(() => '?').join()})`, ...projects);
  if (audit === true) add('audit is not null');
  else if (audit !== undefined) add('audit = ?', audit);
  if (refused !== undefined) add(`json_extract(body, '$.level') ${refused ? '<>' : '='} 'info'`);
  if (ofProjects) add('(audit is null or project is not null)');
  if (sinceMs !== undefined) add('at >= ?', sinceMs);
  if (untilMs !== undefined) add('at < ?', untilMs);
  const sql = `select number, body from event where ${where.join(' and ')} order by number desc limit ?`;
  return { sql, values };
}
