// Writes sixty-steps.ts: node test/types/sixty-steps.generate.mjs
import { writeFileSync } from 'node:fs';

const STEPS = 60;
const PIVOT = 50;
const numbers = Array.from({ length: STEPS }, (_, index) => index + 1);

const contract = (n) =>
  `const s${n} = step({ name: 's${n}', service: 'service', input: z.object({ from: z.string(), at: z.number() }), result: z.object({ id${n}: z.string() }) });`;

/** What a mapper reads: the first result, and that of three steps before, which may have been skipped. */
function mapper(n) {
  if (n === 1) return `({ input }) => ({ from: input.customer, at: 1 })`;
  const earlier = n - 3;
  if (earlier < 2) return `({ results }) => ({ from: results.s1.id1, at: ${n} })`;
  const optional = isConditional(earlier) ? '?.' : '.';
  return `({ input, results }) => ({ from: \`\${results.s1.id1}/\${results.s${earlier}${optional}id${earlier}}\`, at: input.cents })`;
}

function isConditional(n) {
  return n % 10 === 7;
}

function options(n) {
  if (n === PIVOT) return ', { pivot: true }';
  if (isConditional(n))
    return n > PIVOT ? ', { retriable: true, when: ({ input }) => input.gift }' : ', { when: ({ input }) => input.gift }';
  return n > PIVOT ? ', { retriable: true }' : '';
}

const use = (n) => `.step(s${n}, ${mapper(n)}${options(n)})`;

/** The steps 3 to 5 of every ten run in parallel. */
function chain() {
  const lines = [];
  for (let n = 1; n <= STEPS; n++) {
    if (n % 10 !== 3) {
      lines.push(use(n));
      continue;
    }
    lines.push(`.parallel((all) => all${use(n)}${use(n + 1)}${use(n + 2)})`);
    n += 2;
  }
  return lines;
}

const source = `// Written by sixty-steps.generate.mjs: a saga as long as they get, to see that it is still checked fast.
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';

${numbers.map(contract).join('\n')}

export const sixtySteps = saga({
  name: 'sixty',
  version: 1,
  input: z.object({ customer: z.string(), cents: z.number(), gift: z.boolean() }),
})
${chain().join('\n')}
.returns(({ results }) => ({ first: results.s1.id1, last: results.s60.id60, maybe: results.s57?.id57 }));
`;
writeFileSync(new URL('./sixty-steps.ts', import.meta.url), source);
