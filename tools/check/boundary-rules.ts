// Who may import whom, as rules. boundaries.ts runs them, and boundaries.test.ts shows each one failing: a rule without a bad example there
// fails the tests.

import type { ICruiseOptions, IRegularForbiddenRuleType } from 'dependency-cruiser';

type Rule = IRegularForbiddenRuleType & { readonly name: string };

const leaves = 'money|ids|time|errors|schema';

/**
 * The kit's floors, lowest first. A module imports leaves, its own floor and those below. Types may come from above: a saga's step is
 * handed the service it runs in.
 */
const tiers = [
  'config|telemetry|lifecycle|trust',
  'sql|embedded',
  'outbox|inbox|transport|eventstore|effect|saga',
  'http|idempotency|client|auth|resilience|discovery|cache',
  'service|testing',
];

const useCases = 'commands|queries|reactions|jobs|sagas';
const outside = '^(tests|bench|tools)/';
/** A test, or what only tests use: the testing/ folder of a service or of a module of the kit. */
const test = '(\\.test\\.ts$|/testing/)';
const npm = '^node_modules/';
/** Node's own modules have no path in the report, only their name. */
const core: Rule['to'] = { dependencyTypes: ['core'] };

const rules: readonly Rule[] = [
  {
    name: 'no-circle',
    comment:
      'Two modules that need each other are one module, or hide a third. Types may: nothing runs when they are read.',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    comment: 'An import must lead somewhere: to a file, or through the exports of a package.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'declared-packages',
    comment: 'A package that is used is listed in the root package.json.',
    from: {},
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
  },
  {
    name: 'no-dev-packages-in-the-shop',
    comment: 'Development packages are not installed in production.',
    from: { path: '^(platform|contracts|services|system|cli)/', pathNot: test },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'leaves-import-no-module',
    comment: 'The leaves stand alone; only the words for errors are shared among them.',
    from: { path: `^platform/src/(${leaves})/`, pathNot: test },
    to: { path: '^(platform|contracts|services|system|cli)/', pathNot: ['^platform/src/$1/', '^platform/src/errors/'] },
  },
  {
    name: 'leaves-import-no-package',
    comment: 'Leaves are pure. schema is made of TypeBox.',
    from: { path: `^platform/src/(${leaves})/`, pathNot: test },
    to: { path: npm, pathNot: '^node_modules/typebox/' },
  },
  {
    name: 'only-schema-imports-typebox',
    comment: 'Among the leaves, only schema is made of TypeBox.',
    from: { path: '^platform/src/(money|ids|time|errors)/', pathNot: test },
    to: { path: '^node_modules/typebox/' },
  },
  {
    name: 'leaves-have-no-io',
    comment: 'Leaves are pure. ids needs random numbers.',
    from: { path: `^platform/src/(${leaves})/`, pathNot: test },
    to: { ...core, pathNot: '^(node:)?crypto$' },
  },
  ...tiers.slice(0, -1).map(
    (modules, index): Rule => ({
      name: `tier-${index + 1}-imports-nothing-above`,
      comment: `${modules.replaceAll('|', ', ')} know nothing of the modules built on them.`,
      from: { path: `^platform/src/(${modules})/`, pathNot: test },
      to: { path: `^platform/src/(${tiers.slice(index + 1).join('|')})/`, dependencyTypesNot: ['type-only'] },
    }),
  ),
  {
    name: 'platform-modules-by-their-face',
    comment: 'The index.ts of a module is its public face.',
    from: { path: '^platform/src/([^/]+)/' },
    to: { path: '^platform/src/[^/]+/', pathNot: ['^platform/src/$1/', '^platform/src/[^/]+/index\\.ts$'] },
  },
  {
    name: 'platform-modules-are-placed',
    comment: 'Every module of the kit is a leaf or has its floor in the table above.',
    from: { path: '^platform/src/[^/]+/', pathNot: `^platform/src/(${[leaves, ...tiers].join('|')})/` },
    to: {},
  },
  {
    name: 'platform-knows-no-shop',
    comment: 'The kit could carry any other business.',
    from: { path: '^platform/' },
    to: { path: '^(contracts|services|system|cli|web)/' },
  },
  {
    name: 'contracts-are-words',
    comment: 'Contracts are made of leaves and TypeBox.',
    from: { path: '^contracts/', pathNot: test },
    to: {
      path: '.',
      pathNot: ['^contracts/', `^platform/src/(${leaves})/`, '^node_modules/typebox/'],
      dependencyTypesNot: ['core'],
    },
  },
  {
    name: 'contracts-have-no-io',
    comment: 'Contracts are made of leaves and TypeBox.',
    from: { path: '^contracts/', pathNot: test },
    to: core,
  },
  {
    name: 'domain-is-pure',
    comment:
      'Rules import rules, contracts and leaves: nothing that can wait, fail or differ from one run to the next.',
    from: { path: '^services/([^/]+)/src/domain/', pathNot: test },
    to: {
      path: '.',
      pathNot: ['^services/$1/src/domain/', '^contracts/', `^platform/src/(${leaves})/`],
      dependencyTypesNot: ['core'],
    },
  },
  {
    name: 'domain-has-no-io',
    comment: "Not even Node's own modules: hand the clock, ids and randomness in.",
    from: { path: '^services/[^/]+/src/domain/', pathNot: test },
    to: core,
  },
  {
    name: 'store-knows-data-only',
    comment: 'A store turns domain values into rows and back.',
    from: { path: '^services/([^/]+)/src/store/', pathNot: test },
    to: {
      path: '^(services|platform)/',
      pathNot: ['^services/$1/src/(domain|store)/', `^platform/src/(${leaves}|sql|eventstore)/`],
    },
  },
  {
    name: 'sql-in-store-only',
    comment: 'Whoever wants rows asks the store.',
    from: { path: '^services/', pathNot: ['^services/[^/]+/src/store/', test] },
    to: { path: '^node_modules/(pg|kysely)/' },
  },
  {
    name: 'use-cases-do-not-call-each-other',
    comment: 'What two use cases have in common is a rule (domain/) or a query on rows (store/).',
    from: { path: `^services/([^/]+)/src/(${useCases})/`, pathNot: test },
    to: { path: `^services/$1/src/(${useCases})/`, pathNot: '^services/$1/src/$2/' },
  },
  {
    name: 'no-service-imports-another',
    comment: 'Services meet in contracts and talk through client() and messages.',
    from: { path: '^services/([^/]+)/' },
    to: { path: '^services/', pathNot: '^services/$1/' },
  },
  {
    name: 'services-know-no-placement',
    comment: 'Where a service runs is configuration, never code.',
    from: { path: '^services/' },
    to: { path: '^(system|cli|web)/' },
  },
  {
    name: 'services-by-their-front-door',
    comment: 'A service is the value in its service.ts.',
    from: { path: '^(system|cli|tests|bench|tools)/' },
    to: { path: '^services/', pathNot: '^services/[^/]+/src/service\\.ts$' },
  },
  {
    name: 'platform-by-its-doors',
    comment: 'Outside the kit, only the index.ts of a module is imported.',
    from: { pathNot: '^platform/' },
    to: { path: '^platform/', pathNot: '^platform/src/[^/]+/index\\.ts$' },
  },
  {
    name: 'system-knows-no-command-line',
    comment: 'The command line is built on the system, not the other way round.',
    from: { path: '^system/' },
    to: { path: '^cli/' },
  },
  {
    name: 'test-code-stays-outside',
    comment: 'Nobody imports tests, benches or tools.',
    from: { path: '^(platform|contracts|services|system|cli|web)/' },
    to: { path: outside },
  },
  {
    name: 'test-kit-in-tests-only',
    comment: 'What is in a testing/ folder is for tests.',
    from: { path: '^(platform|contracts|services|system|cli)/', pathNot: [test, '^platform/src/testing/'] },
    to: { path: '/testing/', pathNot: npm },
  },
  {
    name: 'nobody-imports-a-test',
    comment: 'A test file is a program, not a library.',
    from: {},
    to: { path: '\\.test\\.ts$' },
  },
];

export const boundaryRules = rules.map((rule) => ({ ...rule, severity: 'error' as const }));

/** How imports are read: types included, packages resolved by their exports as Node does. */
export const cruiseOptions: ICruiseOptions = {
  tsPreCompilationDeps: true,
  combinedDependencies: true,
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '(^|/)fixtures/' },
  enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
};
