/**
 * Ganeti's htools text format (`hscan`, `hbal -S`): five sections parted by one empty line each: groups, nodes, instances,
 * cluster tags, policies. Stricter than htools where a file that was cut off would pass for a whole one: every line ends
 * with a newline, and there is a policy of the cluster and of every group, as all of Ganeti's programs write them.
 */
import { err } from '@gantry/model';
import { allocPolicies, type ClusterData, defaultInstancePolicy, type Group } from './cluster-data.ts';
import { choices, Line, MAX_LINE } from './fields.ts';
import { parseInstances } from './parse-instances.ts';
import { parseNodes } from './parse-nodes.ts';
import { parsePolicy } from './parse-policy.ts';
import { Scan } from './scan.ts';

const sectionNames = ['groups', 'nodes', 'instances', 'cluster tags', 'policies'] as const;

const policies = choices(allocPolicies);

/** Lines of a section: index of its first in the file, and of the one behind its last. */
interface Section {
  first: number;
  end: number;
}

/** @throws GantryError `invalid_cluster_file` with the line and what is wrong with it */
export function parseCluster(file: string | Uint8Array): ClusterData {
  const scan = new Scan(typeof file === 'string' ? new TextEncoder().encode(file) : file);
  const [groupLines, nodeLines, instanceLines, tagLines, policyLines] = sections(scan);
  const groups = groupsOf(scan, groupLines);
  if (groups.length === 0) throw bad(1, 'there is no group');
  const nodes = parseNodes(new Line(scan, 'node'), nodeLines, groups);
  const placed = parseInstances(new Line(scan, 'instance'), instanceLines, nodes);
  const tags = Array.from(rows(scan, 'cluster tag', tagLines), (line) => line.whole);
  return { groups, nodes, ...placed, tags, policy: givePolicies(scan, policyLines, groups) };
}

type Sections = [Section, Section, Section, Section, Section];
function sections(scan: Scan): Sections {
  if (scan.hasNul) throw bad(1, 'this is not a text file');
  if (!scan.whole) throw bad(scan.lineCount + 1, 'the file is cut off: its last line has no end');
  const found: Section[] = [];
  let first = 0;
  for (let line = 0, start = 0; line < scan.lineCount; line += 1) {
    const end = scan.ends[(scan.lines[line] as number) - 1] as number;
    if (end - start > MAX_LINE) throw bad(line + 1, 'no cluster has a line so long');
    if (end === start) {
      found.push({ first, end: line });
      first = line + 1;
    }
    start = end + 1;
  }
  found.push({ first, end: scan.lineCount });
  if (found.length === sectionNames.length) return found as Sections;
  const count = `there are ${found.length} sections instead of ${sectionNames.length} (${sectionNames.join(', ')})`;
  throw bad(scan.lineCount, found.length < sectionNames.length ? `the file is cut off: ${count}` : count);
}

/** Line by line, each good until the next one. */
function* rows(scan: Scan, what: string, { first, end }: Section): Generator<Line> {
  const line = new Line(scan, what);
  for (let at = first; at < end; at += 1) yield line.at(at);
}

function groupsOf(scan: Scan, section: Section): Group[] {
  const groups: Group[] = [];
  for (const line of rows(scan, 'group', section)) {
    const group = groupOf(line);
    if (groups.some(({ name }) => name === group.name)) throw line.bad('there is another group of this name');
    if (groups.some(({ uuid }) => uuid === group.uuid)) throw line.bad('there is another group of this uuid');
    groups.push(group);
  }
  return groups;
}

/** `name|uuid|alloc policy|tags|networks`. */
function groupOf(line: Line): Group {
  return {
    name: line.nonEmpty(0, 'name'),
    uuid: line.nonEmpty(1, 'uuid'),
    policy: line.choice(2, 'allocation policy', policies),
    tags: line.list(3, 'tags'),
    networks: line.length > 4 ? line.list(4, 'networks') : [],
    instancePolicy: defaultInstancePolicy,
  };
}

/** Gives the groups theirs and answers the cluster's. */
function givePolicies(scan: Scan, section: Section, groups: Group[]) {
  const found = new Map<string, ReturnType<typeof parsePolicy>['policy']>();
  for (const line of rows(scan, 'policy of', section)) {
    const { owner, policy } = parsePolicy(line);
    if (found.has(owner)) throw line.bad('there is another policy of this owner');
    if (owner !== '' && !groups.some(({ name }) => name === owner)) throw line.bad('no group has this name');
    found.set(owner, policy);
  }
  const end = section.end + 1;
  const policyOf = (owner: string) => {
    const policy = found.get(owner);
    if (policy) return policy;
    throw bad(end, `the file is cut off: the policy of ${owner === '' ? 'the cluster' : owner} is missing`);
  };
  for (const group of groups) group.instancePolicy = policyOf(group.name);
  return policyOf('');
}

const bad = (line: number, why: string): Error => err('invalid_cluster_file', { line, why });
