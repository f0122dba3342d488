/**
 * Ganeti's htools text format (`hscan`, `hbal -S`): five sections parted by one empty line each: groups, nodes, instances,
 * cluster tags, policies. Stricter than htools where a file that was cut off would pass for a whole one: every line ends
 * with a newline, and there is a policy of the cluster and of every group, as all of Ganeti's programs write them.
 */
import { err } from '@gantry/model';
import { allocPolicies, type ClusterData, defaultInstancePolicy, type Group } from './cluster-data.ts';
import { Line, MAX_LINE } from './fields.ts';
import { parseInstances } from './parse-instances.ts';
import { parseNodes } from './parse-nodes.ts';
import { parsePolicy } from './parse-policy.ts';

const sectionNames = ['groups', 'nodes', 'instances', 'cluster tags', 'policies'] as const;

/** Lines of a section, and the number of its first in the file. */
interface Section {
  first: number;
  lines: string[];
}

/** @throws GantryError `invalid_cluster_file` with the line and what is wrong with it */
export function parseCluster(text: string): ClusterData {
  const [groupLines, nodeLines, instanceLines, tags, policies] = sections(text);
  const groups = groupsOf(groupLines);
  if (groups.length === 0) throw bad(1, 'there is no group');
  const nodes = parseNodes(unique('node', nodeLines), nodeLines.lines.length, groups);
  const placed = parseInstances(unique('instance', instanceLines), instanceLines.lines.length, nodes);
  return { groups, nodes, ...placed, tags: tags.lines, policy: givePolicies(policies, groups) };
}

type Sections = [Section, Section, Section, Section, Section];
function sections(text: string): Sections {
  if (text.includes('\0')) throw bad(1, 'this is not a text file');
  const lines = text.split('\n');
  const last = lines.pop();
  if (last !== '') throw bad(lines.length + 1, 'the file is cut off: its last line has no end');
  const found: Section[] = [{ first: 1, lines: [] }];
  for (const [i, line] of lines.entries()) {
    if (line === '') found.push({ first: i + 2, lines: [] });
    else if (line.length > MAX_LINE) throw bad(i + 1, 'no cluster has a line so long');
    else found.at(-1)?.lines.push(line);
  }
  if (found.length === sectionNames.length) return found as Sections;
  const count = `there are ${found.length} sections instead of ${sectionNames.length} (${sectionNames.join(', ')})`;
  throw bad(lines.length, found.length < sectionNames.length ? `the file is cut off: ${count}` : count);
}

/** Line by line, each good until the next one. */
function* rows(what: string, { first, lines }: Section): Generator<Line> {
  const line = new Line(what);
  for (let i = 0; i < lines.length; i += 1) yield line.read(first + i, lines[i] as string);
}

function* unique(what: string, section: Section): Generator<Line> {
  const seen = new Set<string>();
  for (const line of rows(what, section)) {
    const name = line.nonEmpty(0, 'name');
    if (seen.has(name)) throw line.bad(`there is another ${what} of this name`);
    seen.add(name);
    yield line;
  }
}

function groupsOf(section: Section): Group[] {
  const groups: Group[] = [];
  for (const line of unique('group', section)) {
    const group = groupOf(line);
    if (groups.some(({ uuid }) => uuid === group.uuid)) throw line.bad('there is another group of this uuid');
    groups.push(group);
  }
  return groups;
}

/** `name|uuid|alloc policy|tags|networks`. */
function groupOf(line: Line): Group {
  return {
    name: line.text(0, 'name'),
    uuid: line.nonEmpty(1, 'uuid'),
    policy: line.choice(2, 'allocation policy', allocPolicies),
    tags: line.list(3, 'tags'),
    networks: line.length > 4 ? line.list(4, 'networks') : [],
    instancePolicy: defaultInstancePolicy,
  };
}

/** Gives the groups theirs and answers the cluster's. */
function givePolicies(section: Section, groups: Group[]) {
  const found = new Map<string, ReturnType<typeof parsePolicy>['policy']>();
  for (const line of rows('policy of', section)) {
    const { owner, policy } = parsePolicy(line);
    if (found.has(owner)) throw line.bad('there is another policy of this owner');
    if (owner !== '' && !groups.some(({ name }) => name === owner)) throw line.bad('no group has this name');
    found.set(owner, policy);
  }
  const end = section.first + section.lines.length;
  const policyOf = (owner: string) => {
    const policy = found.get(owner);
    if (policy) return policy;
    throw bad(end, `the file is cut off: the policy of ${owner === '' ? 'the cluster' : owner} is missing`);
  };
  for (const group of groups) group.instancePolicy = policyOf(group.name);
  return policyOf('');
}

const bad = (line: number, why: string): Error => err('invalid_cluster_file', { line, why });
