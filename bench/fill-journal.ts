import { engineOf, type Amends } from '../src/amends.ts';
import { buildPlan } from '../src/flows/plan.ts';
import { DEFAULT_ACTION_POLICY, DEFAULT_COMPENSATION_POLICY } from '../src/flows/policy.ts';
import type { Status } from '../src/machine/state.ts';

const STATUSES: readonly Status[] = ['completed', 'completed', 'completed', 'compensated', 'running', 'stuck', 'completed', 'terminated'];
const ERRORS = ['connection refused', 'card declined', 'timeout after 30000 ms'];

/** Journals so many transactions of three sagas, `tx-000000` and so on, in every status and with a tag of 100 values; nothing runs. */
export async function fillJournal(amends: Amends, count: number): Promise<void> {
  const { journal } = engineOf(amends);
  const step = { name: 'a', service: null, kind: 'readOnly' as const, conditional: false };
  const policies = { action: DEFAULT_ACTION_POLICY, compensation: DEFAULT_COMPENSATION_POLICY };
  const sagas = ['saga0', 'saga1', 'saga2'];
  const plans = sagas.map((name) => buildPlan({ name, version: 1, deadlineMs: null, stages: [[{ ...step, ...policies }]] }));
  for (const plan of plans) await journal.registerPlan(plan);
  for (let from = 0; from < count; from += 200) {
    const some = Array.from({ length: Math.min(200, count - from) }, (_, i) => from + i);
    await Promise.all(
      some.map((i) => {
        const { name: saga, fingerprint } = plans[i % plans.length]!;
        const status = STATUSES[i % STATUSES.length]!;
        const error = status === 'stuck' || status === 'compensated' ? ERRORS[i % ERRORS.length] : undefined;
        const tags = { customer: `c${i % 100}` };
        const message = { name: 'Error', message: error ?? '' };
        return journal.commit({
          id: `tx-${String(i).padStart(6, '0')}`,
          expectedVersion: 0,
          events: [
            {
              type: 'saga_started',
              data: { saga, definitionVersion: 1, fingerprint, input: {}, inputHash: 'h', tags, deadlineAtMs: null },
            },
            ...(status === 'stuck'
              ? [
                  { type: 'step_issued' as const, data: { step: 'a', args: {} } },
                  { type: 'step_stuck' as const, data: { step: 'a', error: message } },
                ]
              : []),
          ],
          summary: { saga, definitionVersion: 1, status, tags, error },
          announce: false,
        });
      }),
    );
  }
}
