// The house rules of docs/architecture.md: dependencies point downward only, pure packages touch nothing.
const pure = '^packages/(model|guest|placement)/src';
const only = (from, allowed) => ({
  name: `${from}-imports-only-${allowed.join('-') || 'nothing'}`,
  severity: 'error',
  from: { path: `^packages/${from}/(src|test)` },
  to: { path: '^packages/', pathNot: `^packages/(${[from, ...allowed].join('|')})/` },
});
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-packages-touch-nothing',
      severity: 'error',
      from: { path: pure, pathNot: '[.]test[.]ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-deep-imports',
      comment: 'a package has one door: its package.json#exports',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/([^/]+)/src/',
        pathNot: ['^packages/$1/', '^packages/[^/]+/src/(index|testing/index|testing)[.]ts$'],
      },
    },
    only('model', []),
    only('libvirt', []),
    only('guest', ['model']),
    only('placement', ['model']),
    only('client', ['model']),
    only('cli', ['model', 'client', 'guest', 'placement']),
    only('agent', ['model', 'guest', 'libvirt', 'client']),
    only('controller', ['model', 'guest', 'placement', 'client']),
    only('simulator', ['model', 'guest', 'placement', 'client', 'libvirt', 'agent', 'controller']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
