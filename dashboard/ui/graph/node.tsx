import { memo } from '../parts/memo.ts';
import type { JSX } from 'preact';
import { ShapeIn } from '../parts/shape.tsx';
import type { Look } from '../parts/tone.ts';
import { operationWord } from '../parts/words.ts';
import type { Step } from '../../api/transaction.ts';
import { NODE, type Node } from './layout.ts';

const FITS = { name: 20, note: 24 } as const;

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

const MARKS: Readonly<Partial<Record<Step['kind'], string>>> = { pivot: 'pivot', retriable: 'retriable', readOnly: 'read only' };

/** What it is besides how it stands; of a wait its kind, unless that is said already. */
function markOf({ kind, wait }: Step, { word }: Look): string | undefined {
  if (wait === null) return MARKS[kind];
  return word.includes(wait.kind) ? undefined : wait.kind;
}

interface GraphNodeProps {
  readonly node: Node;
  readonly kind: 'saga' | 'tcc';
  readonly look: Look;
  /** Attempts of it that failed. */
  readonly failed: number;
  readonly address: string;
  readonly chosen: boolean;
  /** It is the one that Tab comes to. */
  readonly entry: boolean;
}

/** A step's operation: shape, name, and how it stands. A link to what is known about it. */
export const GraphNode = memo(function GraphNode({ node, kind, look, failed, address, chosen, entry }: GraphNodeProps): JSX.Element {
  const { step, op, x, y } = node;
  const mark = op === 'run' ? markOf(step, look) : undefined;
  const attempts = failed > 1 || (failed === 1 && look.shape !== 'cross') ? ` · ${failed} failed` : '';
  const note = `${look.word}${attempts}`;
  const isMarked = mark !== undefined && attempts === '';
  const shown = isMarked ? `${note} · ${mark}` : note;
  // Begins with what is to be seen, so that who speaks to the page can name it.
  const words = [op === 'run' ? step.name : `${operationWord(kind, op)} of ${step.name}`, shown, isMarked ? undefined : mark, step.service];
  return (
    <a
      href={address}
      class={`node tone-${look.tone} shape-${look.shape}${chosen ? ' chosen' : ''}${step.wait === null ? '' : ' is-wait'}${step.kind === 'pivot' ? ' is-pivot' : ''}`}
      tabindex={entry ? 0 : -1}
      data-node={node.key}
      aria-label={words.filter((word) => word != null).join(', ')}
      aria-current={chosen ? 'true' : undefined}
    >
      <title aria-hidden="true">{`${step.name}: ${note}${mark === undefined ? '' : ` (${mark})`}${step.service === null ? '' : `, in ${step.service}`}`}</title>
      <rect class="box" x={x} y={y} width={NODE.width} height={NODE.height} rx={step.wait === null ? 8 : NODE.height / 2} />
      <ShapeIn shape={look.shape} x={x + 12} y={y + 17} size={16} />
      <text class="name" x={x + 37} y={y + 21}>
        {cut(step.name, FITS.name)}
      </text>{' '}
      <text class="note" x={x + 37} y={y + 37}>
        {cut(shown, FITS.note)}
      </text>
    </a>
  );
});
