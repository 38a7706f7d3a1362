import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Transaction } from '../../api/transaction.ts';
import { ICONS } from '../parts/icons.tsx';
import { counted } from '../parts/words.ts';
import type { Unserved } from '../timeline/outcomes.ts';
import { useUnserved } from '../timeline/unserved.ts';
import { transactionAddress, type Looked } from '../transaction/place.ts';
import { layoutOf, NODE, type Layout, type Node } from './layout.ts';
import { lookOf } from './looks.ts';
import { GraphNode } from './node.tsx';

const ZOOM = { least: 0.08, most: 1.6, step: 1.3 } as const;
/** Smaller than this nothing can be read: better to scroll. */
const READABLE = 0.64;
const LABEL_PX = 50;

/** Where somebody who comes here should look: what is stuck, else what goes on, else what failed, else the end. */
function focusOf({ nodes }: Layout, transaction: Transaction, unserved: Unserved): Node | undefined {
  const by = (tones: readonly string[]): Node | undefined =>
    nodes.find((node) => tones.includes(lookOf(node.step, node.op, transaction, unserved).shape));
  return by(['octagon']) ?? by(['back', 'forward', 'checking', 'clock']) ?? by(['cross', 'question']) ?? nodes[0];
}

const DIRECTIONS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The nearest node that way; what lies askew counts as further. */
function neighbour(nodes: readonly Node[], from: Node, [dx, dy]: readonly [number, number]): Node | undefined {
  let best: Node | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
    const askew = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
    const distance = along + askew * 3;
    if (along > 1 && distance < least) [best, least] = [node, distance];
  }
  return best;
}

/** How often each operation has failed, of the attempts that are at hand. */
function failuresOf({ attempts }: Transaction): ReadonlyMap<string, number> {
  const failures = new Map<string, number>();
  for (const { step, op, outcome } of attempts) {
    if (!['failed', 'unknown', 'lost'].includes(outcome)) continue;
    failures.set(`${op} ${step}`, (failures.get(`${op} ${step}`) ?? 0) + 1);
  }
  return failures;
}

/** Where the gate's name stands: on it, behind it, or before it where there is no room behind. */
function labelPlace(
  x: number,
  width: number,
  kind: Transaction['kind'],
): { readonly x: number; readonly 'text-anchor': 'start' | 'middle' | 'end' } {
  if (kind === 'tcc') return { x, 'text-anchor': 'middle' };
  return x + LABEL_PX < width ? { x: x + 9, 'text-anchor': 'start' } : { x: x - 9, 'text-anchor': 'end' };
}

interface GraphProps {
  readonly transaction: Transaction;
  readonly looked: Looked | undefined;
}

/** The plan as it is carried out: forward above, undo below, the pivot as a gate between what can and what can't be undone. */
export function Graph({ transaction, looked }: GraphProps): JSX.Element {
  const unserved = useUnserved();
  const layout = useMemo(() => layoutOf(transaction), [transaction]);
  const [zoom, setZoom] = useState(1);
  const scroll = useRef<HTMLDivElement>(null);
  const { width, height, nodes, edges, lanes, gate } = layout;
  const start = useMemo(() => focusOf(layout, transaction, unserved), [layout, transaction, unserved]);
  const failures = useMemo(() => failuresOf(transaction), [transaction]);
  const chosen = looked === undefined ? undefined : `${looked.op} ${looked.step}`;
  const entry = nodes.some(({ key }) => key === chosen) ? chosen : start?.key;

  const fit = (): number => Math.min(1, Math.max(ZOOM.least, ((scroll.current?.clientWidth ?? width) - 2) / width));
  const centreOn = (node: Node | undefined, zoom: number): void => {
    const element = scroll.current;
    if (element === null || node === undefined) return;
    element.scrollTo(
      (node.x + NODE.width / 2) * zoom - element.clientWidth / 2,
      (node.y + NODE.height / 2) * zoom - element.clientHeight / 2,
    );
  };
  // Once: what changes later must not take the view away from who looks elsewhere.
  useLayoutEffect(() => {
    const whole = fit();
    const first = whole >= READABLE ? whole : 1;
    setZoom(first);
    centreOn(start, first);
  }, []);
  const zoomBy = (factor: number): void => setZoom((old) => Math.min(ZOOM.most, Math.max(ZOOM.least, old * factor)));

  const walk = (event: KeyboardEvent): void => {
    const direction = DIRECTIONS[event.key];
    const key = event.target instanceof Element ? event.target.closest('[data-node]')?.getAttribute('data-node') : undefined;
    const from = nodes.find((node) => node.key === key);
    if (direction === undefined || from === undefined) return;
    event.preventDefault();
    const next = neighbour(nodes, from, direction);
    const element = [...(scroll.current?.querySelectorAll<SVGAElement>('[data-node]') ?? [])].find(
      (one) => one.getAttribute('data-node') === next?.key,
    );
    element?.focus();
    element?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };

  return (
    <section class="panel graph" aria-labelledby="graph-heading">
      <div class="panel-head">
        <h2 id="graph-heading">Graph</h2>
        <span class="muted">{counted(transaction.steps.length, transaction.kind === 'tcc' ? 'reservation' : 'step')}</span>
        <div class="after graph-tools">
          <button type="button" class="icon-button" aria-label="Smaller" title="Smaller" onClick={() => zoomBy(1 / ZOOM.step)}>
            {ICONS.minus}
          </button>
          <output class="number small muted" aria-label="Size">
            {Math.round(zoom * 100)} %
          </output>
          <button type="button" class="icon-button" aria-label="Larger" title="Larger" onClick={() => zoomBy(ZOOM.step)}>
            {ICONS.plus}
          </button>
          <button type="button" class="icon-button" aria-label="All of it" title="All of it" onClick={() => setZoom(fit())}>
            {ICONS.fit}
          </button>
          <button
            type="button"
            class="link-button"
            onClick={() => {
              const next = Math.max(zoom, READABLE);
              setZoom(next);
              requestAnimationFrame(() => centreOn(start, next));
            }}
          >
            Where it is
          </button>
        </div>
      </div>
      <div class="graph-scroll" ref={scroll} onKeyDown={walk}>
        <svg
          width={Math.round(width * zoom)}
          height={Math.round(height * zoom)}
          viewBox={`0 0 ${width} ${height}`}
          role="group"
          aria-label="Steps; arrow keys go from one to the next"
        >
          {lanes.map(({ label, x, y, width, height }) => (
            <g key={label} class={`lane lane-${label.toLowerCase()}`}>
              <rect x={x} y={y - 25} width={width} height={height + 35} rx={10} />
              <text x={x + 13} y={y - 9}>
                {label}
              </text>
            </g>
          ))}
          {edges.map(({ key, path, kind, passed }) => (
            <path key={key} class={`edge ${kind}${passed ? ' passed' : ''}`} d={path} />
          ))}
          {gate !== undefined && (
            <g class={`gate${gate.passed ? ' passed' : ''}`}>
              <path class="bar" d={`M${gate.x} 12V${height - 10}`} />
              <path class="diamond" d={`M${gate.x} ${gate.y - 15}l15 15l-15 15l-15 -15z`} />
              <path class="sign" d={gate.passed ? `M${gate.x - 5} ${gate.y + 0.5}l3.5 3.5l6.5 -7.5` : `M${gate.x - 4.5} ${gate.y}h9`} />
              <text {...labelPlace(gate.x, width, transaction.kind)} y={height - 14}>
                {gate.label}
              </text>
              <title>{gate.passed ? 'Passed: nothing is undone any more' : 'Not passed: everything before it can be undone'}</title>
            </g>
          )}
          {nodes.map((node) => (
            <GraphNode
              key={node.key}
              node={node}
              kind={transaction.kind}
              look={lookOf(node.step, node.op, transaction, unserved)}
              failed={failures.get(node.key) ?? 0}
              address={transactionAddress(transaction.id, { step: node.step.name, op: node.op })}
              chosen={node.key === chosen}
              entry={node.key === entry}
            />
          ))}
        </svg>
      </div>
    </section>
  );
}
