import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Files, withTree } from '../temporary-tree.ts';
import { run } from './boundaries.ts';
import { boundaryRules } from './boundary-rules.ts';

/** Packages that exist in every tree below; fast-check is for development only. */
const packages: Files = {
  'package.json': JSON.stringify({
    type: 'module',
    dependencies: { typebox: '1.0.0', pg: '8.0.0', pino: '1.0.0' },
    devDependencies: { 'fast-check': '4.0.0' },
  }),
  ...Object.fromEntries(
    ['typebox', 'pg', 'pino', 'fast-check', 'undeclared'].flatMap((name) => [
      [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' })],
      [`node_modules/${name}/index.js`, ''],
    ]),
  ),
};

/** For each rule, imports it refuses: the file, and what it says. Every imported file exists. */
const refused: Readonly<Record<string, readonly (readonly [file: string, imports: string])[]>> = {
  'no-circle': [['platform/src/sql/pool.ts', './pool-twin.ts']],
  resolvable: [['platform/src/sql/pool.ts', './nowhere.ts']],
  'declared-packages': [['platform/src/sql/pool.ts', 'undeclared']],
  'no-dev-packages-in-the-shop': [['services/order/src/domain/order.ts', 'fast-check']],
  'leaves-import-no-module': [
    ['platform/src/money/index.ts', '../time/index.ts'],
    ['platform/src/time/index.ts', '../sql/index.ts'],
  ],
  'leaves-import-no-package': [['platform/src/schema/index.ts', 'pino']],
  'only-schema-imports-typebox': [['platform/src/money/index.ts', 'typebox']],
  'leaves-have-no-io': [
    ['platform/src/time/index.ts', 'node:fs'],
    ['platform/src/schema/index.ts', 'node:os'],
  ],
  'tier-1-imports-nothing-above': [['platform/src/config/index.ts', '../sql/index.ts']],
  'tier-2-imports-nothing-above': [['platform/src/sql/index.ts', '../outbox/index.ts']],
  'tier-3-imports-nothing-above': [['platform/src/outbox/index.ts', '../http/index.ts']],
  'tier-4-imports-nothing-above': [['platform/src/http/index.ts', '../service/index.ts']],
  'platform-modules-by-their-face': [['platform/src/outbox/index.ts', '../sql/pool.ts']],
  'platform-modules-are-placed': [['platform/src/novelty/index.ts', '../money/index.ts']],
  'platform-knows-no-shop': [['platform/src/outbox/index.ts', '../../../contracts/src/order.ts']],
  'contracts-are-words': [
    ['contracts/src/order.ts', '../../platform/src/sql/index.ts'],
    ['contracts/src/order.ts', 'pino'],
    ['contracts/src/order.ts', '../../services/order/src/domain/order.ts'],
  ],
  'contracts-have-no-io': [['contracts/src/order.ts', 'node:fs']],
  'domain-is-pure': [
    ['services/order/src/domain/order.ts', '../store/orders.ts'],
    ['services/order/src/domain/order.ts', '../../../../platform/src/sql/index.ts'],
    ['services/order/src/domain/order.ts', 'pg'],
  ],
  'domain-has-no-io': [
    ['services/order/src/domain/order.ts', 'node:fs'],
    ['services/order/src/domain/order.ts', 'node:crypto'],
  ],
  'store-knows-data-only': [
    ['services/order/src/store/orders.ts', '../commands/place-order.ts'],
    ['services/order/src/store/orders.ts', '../../../../platform/src/http/index.ts'],
  ],
  'sql-in-store-only': [['services/order/src/commands/place-order.ts', 'pg']],
  'use-cases-do-not-call-each-other': [
    ['services/order/src/reactions/on-paid.ts', '../commands/place-order.ts'],
    ['services/order/src/queries/get-order.ts', '../commands/place-order.ts'],
  ],
  'no-service-imports-another': [
    ['services/order/src/commands/place-order.ts', '../../../payment/src/service.ts'],
    ['services/order/src/domain/order.test.ts', '../../../payment/src/service.ts'],
  ],
  'services-know-no-placement': [['services/order/src/service.ts', '../../../system/src/services.ts']],
  'services-by-their-front-door': [
    ['system/src/services.ts', '../../services/order/src/domain/order.ts'],
    ['tests/e2e/order.ts', '../../services/order/src/store/orders.ts'],
  ],
  'platform-by-its-doors': [['services/order/src/store/orders.ts', '../../../../platform/src/sql/pool.ts']],
  'system-knows-no-command-line': [['system/src/services.ts', '../../cli/src/main.ts']],
  'test-code-stays-outside': [['cli/src/main.ts', '../../tools/probe.ts']],
  'test-kit-in-tests-only': [
    ['services/order/src/service.ts', '../../../platform/src/testing/index.ts'],
    ['services/order/src/service.ts', './testing/hosted-order.ts'],
  ],
  'nobody-imports-a-test': [['platform/src/sql/index.ts', './pool.test.ts']],
};

/** Every file that an example imports or writes, and good imports that no rule may refuse. */
const wellBehaved: Files = {
  'platform/src/money/index.ts': "import '../errors/index.ts';",
  'platform/src/errors/index.ts': 'export {};',
  'platform/src/time/index.ts': 'export {};',
  'platform/src/ids/index.ts': "import 'node:crypto';",
  'platform/src/schema/index.ts': "import 'typebox'; import '../errors/index.ts';",
  'platform/src/config/index.ts': "import '../errors/index.ts';",
  'platform/src/sql/index.ts': "import './pool.ts'; import '../config/index.ts';",
  'platform/src/sql/pool.ts': "import 'pg'; import 'node:fs';",
  'platform/src/sql/pool-twin.ts': "import './pool.ts';",
  'platform/src/sql/pool.test.ts': "import '../testing/index.ts'; import 'fast-check';",
  'platform/src/outbox/index.ts':
    "import '../sql/index.ts'; import type { A } from '../service/index.ts'; export interface B { a: A }",
  'platform/src/http/index.ts': "import '../outbox/index.ts';",
  'platform/src/service/index.ts':
    "import '../http/index.ts'; import '../outbox/index.ts'; export interface A { b: 1 }",
  'platform/src/testing/index.ts': "import '../sql/index.ts';",
  'contracts/src/order.ts': "import 'typebox'; import '../../platform/src/schema/index.ts';",
  'services/order/src/service.ts':
    "import './commands/place-order.ts'; import '../../../platform/src/service/index.ts';",
  'services/order/src/domain/order.ts':
    "import '../../../../contracts/src/order.ts'; import '../../../../platform/src/money/index.ts';",
  'services/order/src/domain/order.test.ts': "import 'node:test'; import './order.ts'; import 'fast-check';",
  'services/order/src/testing/hosted-order.ts':
    "import '../../../../platform/src/testing/index.ts'; import '../service.ts';",
  'services/order/src/store/orders.ts':
    "import 'pg'; import '../domain/order.ts'; import '../../../../platform/src/sql/index.ts';",
  'services/order/src/commands/place-order.ts':
    "import '../domain/order.ts'; import '../store/orders.ts'; import '../../../../platform/src/outbox/index.ts';",
  'services/order/src/queries/get-order.ts': "import '../store/orders.ts';",
  'services/order/src/reactions/on-paid.ts': "import '../domain/order.ts';",
  'services/payment/src/service.ts': "import '../../../contracts/src/order.ts';",
  'system/src/services.ts': "import '../../services/order/src/service.ts';",
  'cli/src/main.ts': "import '../../system/src/services.ts';",
  'tests/e2e/order.ts': "import '../../services/order/src/service.ts'; import '../../platform/src/testing/index.ts';",
  'tools/probe.ts': "import '../cli/src/main.ts';",
};

test('every rule has an import that it refuses', () => {
  assert.deepEqual(Object.keys(refused).sort(), boundaryRules.map((rule) => rule.name).sort());
});

test('a tree that keeps the rules has no problem', async () => {
  assert.deepEqual(await problemsOf({}), []);
});

for (const [rule, examples] of Object.entries(refused)) {
  for (const [file, imports] of examples) {
    test(`${rule} refuses ${imports} in ${file}`, async () => {
      const problems = await problemsOf({ [file]: `${wellBehaved[file] ?? ''}\nimport '${imports}';` });
      assert.ok(
        problems.some((problem) => problem.startsWith(`${rule}: `) && problem.includes(file)),
        `it was not refused; the problems were: ${problems.join('\n') || 'none'}`,
      );
    });
  }
}

test('a run that reads no TypeScript is a problem, not a success', async () => {
  const problems = await withTree({ 'package.json': '{}', 'platform/src/sql/pool.mjs': '' }, run);
  assert.match(problems.join(), /No TypeScript module was read/);
});

function problemsOf(changes: Files): Promise<string[]> {
  return withTree({ ...packages, ...wellBehaved, ...changes }, run);
}
