import type { JSX } from 'preact';
import type { Transaction } from '../../api/transaction.ts';
import { JsonValue, Nothing } from '../parts/json.tsx';

/** What it was started with, and what it gave. */
export function Data({ transaction: { input, output, status, otherFailures } }: { readonly transaction: Transaction }): JSX.Element {
  return (
    <section class="panel" aria-labelledby="data-heading">
      <div class="panel-head">
        <h2 id="data-heading">Input and output</h2>
      </div>
      <div class="two">
        <div>
          <h3>Input</h3>
          <JsonValue value={input} label="Input" />
        </div>
        <div>
          <h3>Output</h3>
          {output === null ? (
            <Nothing>
              {status === 'completed' || status === 'confirmed' ? 'It gives none.' : 'Only what completes gives an output.'}
            </Nothing>
          ) : (
            <JsonValue value={output} label="Output" />
          )}
        </div>
      </div>
      {otherFailures.length > 0 && (
        <div class="others">
          <h3>Failed besides, while it turned back</h3>
          <ul>
            {otherFailures.map(({ step, error }) => (
              <li key={step} class="break">
                <code>{step}</code> {error.message}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
