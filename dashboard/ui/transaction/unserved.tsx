import type { JSX } from 'preact';
import type { Transaction } from '../../api/transaction.ts';
import { addressOf } from '../browser/place.ts';
import { Notice } from '../parts/messages.tsx';
import { listed } from '../parts/words.ts';
import { useUnserved } from '../timeline/unserved.ts';

/** What a transaction waits for that nobody works at: it would stand so for ever. */
export function Unserved({ transaction: { steps, attempts } }: { readonly transaction: Transaction }): JSX.Element | null {
  const unserved = useUnserved();
  const open = new Set(attempts.flatMap(({ step, outcome }) => (outcome === 'open' ? [step] : [])));
  const alone = steps.filter(({ name }) => unserved.has(name) && open.has(name));
  if (alone.length === 0) return null;
  const services = [...new Set(alone.flatMap(({ service }) => service ?? []))];
  return (
    <Notice tone="bad" shape="clock" alert>
      <p>
        <strong>No worker for {listed(alone.map(({ name }) => name))}</strong>
        {services.length > 0 && ` in ${listed(services)}`}. What waits in its queue is done as soon as a worker runs; nothing is lost.{' '}
        <a href={addressOf(['services'])}>Services and workers</a>
      </p>
    </Notice>
  );
}
