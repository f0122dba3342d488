import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { err, formatBytes, type Node, type Query } from '@gantry/model';
import { planFlag, showPlan } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { chosenFlags, chosenNodes, forEachNode } from './chosen.ts';
import { conclude, type NodeRow, nodeColumns, refusedRow } from './rows.ts';

export const nodeCopyFile: Verb = {
  words: 'node copy-file',
  summary: 'copy a file to nodes, whole or not at all on each',
  details:
    'It comes under the same path unless --to says another, belongs to root, and replaces what is there.',
  arguments: [{ name: 'FILE', description: 'file of this machine' }],
  flags: [
    ...chosenFlags,
    { flags: '--to <path>', description: 'absolute path on the nodes' },
    { flags: '--mode <octal>', description: 'permissions, default those of the file' },
    planFlag,
  ],
  examples: [
    'gantry node copy-file --group rack1 /etc/network/interfaces.d/net100',
    'gantry node copy-file --all motd --to /etc/motd',
    'gantry node copy-file --all motd --to /etc/motd --plan',
  ],
  async run(session, given) {
    const file = given.arg(0, 'file');
    const info = statSync(file, { throwIfNoEntry: false });
    if (!info?.isFile()) throw err('invalid_argument', { what: file, wanted: 'a file that can be read' });
    const query = {
      path: given.text('to') ?? resolve(file),
      mode: given.put('mode', 'mode', octal).mode ?? info.mode & 0o777,
      sizeBytes: info.size,
    };
    const nodes = await chosenNodes(session, given);
    if (given.on('plan')) return await showPlan(session, { plan: nodes.map((node) => lineOf(node, query)) });
    const rows = await forEachNode(nodes, given, async ({ id, name }): Promise<NodeRow> => {
      try {
        const how = { sizeBytes: info.size };
        await session.client.upload(
          'putNodeFile',
          { params: { ref: id }, query },
          createReadStream(file),
          how,
        );
        return { node: name, result: 'written', ok: true };
      } catch (error) {
        return refusedRow(name, error);
      }
    });
    await conclude(rows, (shown) => session.out.list(shown, nodeColumns));
  },
};

const lineOf = ({ name }: Node, { path, mode, sizeBytes }: Query<'putNodeFile'>): string =>
  `write ${path} on node ${name}: ${formatBytes(sizeBytes)}, of root, mode ${(mode ?? 0).toString(8).padStart(4, '0')}`;

function octal(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw err('invalid_argument', { what: `--mode ${text}`, wanted: 'three octal digits, such as 0644' });
}
