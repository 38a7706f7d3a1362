import { expect, test } from 'vitest';
import { checkId, checkName } from '../../src/flows/names.ts';
import { refusal } from './refusal.ts';

const LONG = 50_000;

test.each(['a', 'order', 'Order-2_b', 'x'.repeat(64)])('%s is a name', (name) => {
  expect(checkName('saga', name)).toBe(name);
});

test.each<[unknown, string]>([
  ['', '""'],
  ['9lives', '"9lives"'],
  ['-x', '"-x"'],
  ['a b', '"a b"'],
  ['a:b', '"a:b"'],
  ['a.b', '"a.b"'],
  ['{a}', '"{a}"'],
  ['a\n', '"a\\n"'],
  ['a\u0000', '"a\\u0000"'],
  ['é', '"é"'],
  ['__proto__', '"__proto__"'],
  ['x'.repeat(65), `"${'x'.repeat(65)}"`],
  [undefined, 'a value of type undefined'],
  [null, 'null'],
  [42, '42'],
  [5n, 'a value of type bigint'],
  [{ toString: null }, 'a value of type object'],
  [Symbol('s'), 'a value of type symbol'],
])('no name: case %#', (name, shown) => {
  expect(() => checkName('step', name)).toThrow(
    refusal(`${shown} can't be the name of a step: use 1 to 64 letters, digits, _ and -, starting with a letter`),
  );
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s is a name every object has', (name) => {
  expect(() => checkName('step', name)).toThrow(
    refusal(`"${name}" can't be the name of a step: every object has one of that name, take another`),
  );
});

test.each(['1', 'order-42', 'a:b/c@d+e=f~g.h', '0f8b', 'x'.repeat(128)])('%s is an id', (id) => {
  expect(checkId(id)).toBe(id);
});

test.each<[unknown, string]>([
  ['', '""'],
  ['.hidden', '".hidden"'],
  ['-1', '"-1"'],
  ['a b', '"a b"'],
  ['a\r\nSET x', '"a\\r\\nSET x"'],
  ['a{b}', '"a{b}"'],
  ['a*', '"a*"'],
  ['<script>', '"<script>"'],
  ['ü', '"ü"'],
  ['x'.repeat(129), `"${'x'.repeat(129)}"`],
  [42, '42'],
  [{}, 'a value of type object'],
])('no id: case %#', (id, shown) => {
  expect(() => checkId(id)).toThrow(
    refusal(
      `${shown} can't be a transaction's id: use 1 to 128 letters, digits and . _ : @ / + = ~ -, starting with a letter or digit`,
      'INVALID_ID',
    ),
  );
});

test.each(['a'.repeat(LONG), 'a-'.repeat(LONG / 2), `${'_'.repeat(LONG)}!`, '\u0000'.repeat(LONG)])(
  '50,000 characters are refused at once, and not repeated in the message',
  (hostile) => {
    const before = performance.now();
    expect(() => checkName('tag', hostile)).toThrow(refusal(/^".{200,1300}…" can't be the name of a tag/));
    expect(() => checkId(hostile)).toThrow(refusal(/^".{200,1300}…" can't be a transaction's id/, 'INVALID_ID'));
    expect(performance.now() - before).toBeLessThan(50);
  },
);
