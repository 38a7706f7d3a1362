import type { Plan } from '../../../src/flows/plan.ts';
import { queuesOfPlan, sagaQueue, serviceQueue } from '../../../src/queues/names.ts';
import type { QueueCard } from './queue-adapter.ts';

interface Use {
  readonly title: string;
  readonly what: string;
  readonly by: Set<string>;
}

/** Says what each queue of these plans is for, in the words of the sagas. */
export function queueCards(plans: readonly Plan[]): readonly QueueCard[] {
  const uses = new Map<string, Use>();
  for (const plan of plans) {
    for (const queue of queuesOfPlan(plan)) {
      const use = uses.get(queue) ?? { ...headingOf(queue, plan), by: new Set<string>() };
      uses.set(queue, use);
      if (queue === sagaQueue(plan.name)) use.by.add(`version ${plan.version}`);
      for (const { name, service } of Object.values(plan.steps)) {
        if (service !== null && serviceQueue(service) === queue) use.by.add(`${plan.name}: ${name}`);
      }
    }
  }
  return [...uses].map(([name, { title, what, by }]) => ({ name, title, description: `${what} (${[...by].sort().join(', ')})` }));
}

function headingOf(queue: string, plan: Plan): Pick<Use, 'title' | 'what'> {
  if (queue === sagaQueue(plan.name))
    return { title: `${plan.kind} ${plan.name}`, what: 'One root job per transaction, and the inline steps' };
  const { service } = Object.values(plan.steps).find((step) => step.service !== null && serviceQueue(step.service) === queue)!;
  return { title: `service ${service}`, what: 'Steps and compensations for the workers of this service' };
}
