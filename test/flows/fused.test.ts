import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { fusedGroupOf } from '../../src/flows/fused.ts';
import type { Plan } from '../../src/flows/plan.ts';
import { saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { step } from '../../src/flows/step.ts';
import { operationJob, runsInRoot } from '../../src/queues/advance.ts';
import { plainStep } from '../support/sagas.ts';
import { refusal } from './refusal.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;
const fused = saga({ name: 'order', version: 1, input, fuse: true });
const [a, b, c, d] = [plainStep('a'), plainStep('b'), plainStep('c'), plainStep('d')];
const contract = <const Name extends string>(name: Name, service: string) => step({ name, service, input, result: input });
const [stock1, stock2, pay] = [contract('stock1', 'stock'), contract('stock2', 'stock'), contract('pay', 'payments')];
const approval = signal({ name: 'approval', data: z.unknown() });

/** The groups in order, the one in the root marked; a step that has none is alone. */
function groups(plan: Plan): string[] {
  const told = plan.stages.flat().map((name) => {
    const group = fusedGroupOf(plan, name);
    return group === undefined ? `(${name})` : `${group.steps.join('+')}${group.inRoot ? ' in the root' : ''}`;
  });
  return [...new Set(told)];
}

describe('the steps that share a job', () => {
  test('are all of a saga whose steps are its own', () => {
    const { plan } = fused.step(a, from).step(b, from).step(c, from);
    expect(groups(plan)).toEqual(['a+b+c in the root']);
    for (const name of ['a', 'b', 'c']) expect(operationJob(plan, 'x', name, 'run').jobId).toBe('root.x');
    expect(operationJob(plan, 'x', 'b', 'compensate')).toMatchObject({ jobId: 'compensate.x.b', name: 'compensate b' });
    expect(runsInRoot(plan, 'b', 'compensate')).toBe(false);
  });

  test('are one step too, where a saga has no other', () => {
    expect(groups(fused.step(a, from).plan)).toEqual(['a in the root']);
  });

  test('end where another service begins, and the job is named after the first of them', () => {
    const { plan } = fused.step(a, from).step(stock1, from).step(stock2, from).step(pay, from).step(b, from).step(c, from);
    expect(groups(plan)).toEqual(['a', 'stock1+stock2', 'pay', 'b+c in the root']);
    const job = operationJob(plan, 'x', 'stock2', 'run');
    expect(job).toMatchObject({ queue: 'service-stock', jobId: 'run.x.stock1', name: 'stock1' });
    expect(operationJob(plan, 'x', 'c', 'run')).toMatchObject({ jobId: 'root.x' });
  });

  test("are a job of their own where the last ones are a service's", () => {
    expect(groups(fused.step(a, from).step(b, from).step(stock1, from).step(stock2, from).plan)).toEqual(['a+b', 'stock1+stock2']);
  });

  test('end at a parallel group and at a wait', () => {
    const parallel = fused.step(a, from).parallel((all) => all.step(b, from).step(c, from));
    expect(groups(parallel.plan)).toEqual(['a', '(b)', '(c)']);
    expect(groups(parallel.step(d, from).plan)).toEqual(['a', '(b)', '(c)', 'd in the root']);
    const waiting = fused.step(a, from).step(b, from).waitFor(approval).step(c, from).sleep('night', 1).step(d, from);
    expect(groups(waiting.plan)).toEqual(['a+b', '(approval)', 'c', '(night)', 'd in the root']);
    expect(groups(fused.step(a, from).step(b, from).sleep('night', 1).plan)).toEqual(['a+b', '(night)']);
  });

  test('are none where the saga is not fused', () => {
    const { plan } = saga({ name: 'order', version: 1, input }).step(a, from).step(b, from);
    expect(groups(plan)).toEqual(['(a)', '(b)']);
    expect(operationJob(plan, 'x', 'a', 'run').jobId).toBe('run.x.a');
  });
});

test('fusing is part of the plan, and a plan that is not fused is what it was', () => {
  const of = (fuse?: boolean): Plan =>
    saga({ name: 'order', version: 1, input, ...(fuse === undefined ? {} : { fuse }) }).step(a, from).plan;
  expect(of(true)).toMatchObject({ fuse: true });
  expect(of(true).fingerprint).not.toBe(of().fingerprint);
  expect(of(false)).toEqual(of());
  expect(of()).not.toHaveProperty('fuse');
});

test.each(['yes', 1])('fuse: %j is refused', (fuse) => {
  const define = (): unknown => saga({ name: 'order', version: 1, input, fuse: fuse as never }).step(a, from).plan;
  expect(define).toThrow(refusal(`saga "order": fuse is ${fuse}: give true or false, or leave it out`));
});
