import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Status } from '../../../src/machine/state.ts';
import { storeTime } from '../browser/clock.ts';
import { go } from '../browser/place.ts';
import { ICONS } from '../parts/icons.tsx';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';
import { conditionsOf, listAddress, tagProblem, type TypedFilter } from './filter.ts';
import { TextField } from './text-field.tsx';

const SPANS: readonly (readonly [ms: number, text: string])[] = [
  [900_000, 'the last 15 minutes'],
  [3_600_000, 'the last hour'],
  [86_400_000, 'the last 24 hours'],
  [604_800_000, 'the last 7 days'],
];

/** What an input for local time takes. */
function localText(ms: string | undefined): string {
  if (ms === undefined || !/^\d+$/.test(ms)) return '';
  const time = new Date(Number(ms));
  return Number.isNaN(time.getTime()) ? '' : new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface TimeFieldProps {
  readonly filter: TypedFilter;
  readonly apply: (texts: TypedFilter['texts']) => void;
}

/** A choice becomes a point in time in the address, so that a link shows the same to whom it is sent. */
function TimeField({ filter: { texts }, apply }: TimeFieldProps): JSX.Element {
  const id = useId();
  const { fromMs, toMs, ...others } = texts;
  const [exact, setExact] = useState(false);
  const set = fromMs !== undefined || toMs !== undefined;
  const pick = (name: 'fromMs' | 'toMs', text: string): void => {
    const { [name]: _, ...rest } = texts;
    apply(text === '' ? rest : { ...rest, [name]: String(new Date(text).getTime()) });
  };
  return (
    <div class="field times">
      <label for={id}>Started</label>
      <select
        id={id}
        value={set || exact ? 'exact' : ''}
        onChange={({ currentTarget: { value } }) => {
          setExact(value === 'exact');
          if (value === '') apply(others);
          else if (value !== 'exact') apply({ ...others, fromMs: String(Math.floor(storeTime() - Number(value))) });
        }}
      >
        <option value="">at any time</option>
        {SPANS.map(([ms, text]) => (
          <option key={ms} value={String(ms)}>
            in {text}
          </option>
        ))}
        <option value="exact">between …</option>
      </select>
      {(set || exact) && (
        <div class="between">
          <input
            type="datetime-local"
            aria-label="Started at or after"
            value={localText(fromMs)}
            onChange={({ currentTarget }) => pick('fromMs', currentTarget.value)}
          />
          <input
            type="datetime-local"
            aria-label="Started before"
            value={localText(toMs)}
            onChange={({ currentTarget }) => pick('toMs', currentTarget.value)}
          />
        </div>
      )}
    </div>
  );
}

/** What needs somebody comes first. */
const CHIPS: readonly Status[] = [
  'stuck',
  'running',
  'waiting',
  'paused',
  'compensating',
  'cancelling',
  'confirming',
  'completed',
  'confirmed',
  'compensated',
  'cancelled',
  'terminated',
];

/** Conditions that come by a link of the inbox, and can be taken away here. */
const STUCK_ON = [
  ['step', 'stuck on'],
  ['errorGroup', 'errors like'],
] as const;

interface FilterBarProps {
  readonly filter: TypedFilter;
  /** Names of sagas, to choose from. */
  readonly sagas: readonly string[];
}

export function FilterBar({ filter, sagas }: FilterBarProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const count = conditionsOf(filter);
  const set = (change: Partial<TypedFilter>, further = false): void => go(listAddress({ ...filter, ...change }), { replace: further });
  const setText = (name: keyof TypedFilter['texts']) => (text: string, further: boolean) => {
    const { [name]: _, ...rest } = filter.texts;
    set({ texts: text === '' ? rest : { ...rest, [name]: text } }, further);
  };
  return (
    <form
      class={`filter panel${open ? ' open' : ''}`}
      role="search"
      aria-label="Filter of the list"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="filter-texts">
        <TextField first label="Id starts with" value={filter.texts.idPrefix ?? ''} placeholder="order-1" onText={setText('idPrefix')} />
        <button type="button" class="button filter-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          Filters{count > 0 ? ` (${count})` : ''}
        </button>
        <TextField label="Saga" value={filter.texts.saga ?? ''} placeholder="any" options={sagas} onText={setText('saga')} />
        <TextField
          label="Tag"
          value={filter.tag.join(' ')}
          placeholder="customer=c1"
          problem={tagProblem(filter)}
          onText={(text, further) => set({ tag: text === '' ? [] : text.split(/\s+/) }, further)}
        />
        <TextField label="Error has" value={filter.texts.error ?? ''} placeholder="timeout" onText={setText('error')} />
        <TimeField filter={filter} apply={(texts) => set({ texts })} />
      </div>
      <div class="filter-statuses" role="group" aria-label="Status">
        {CHIPS.map((status) => {
          const look = STATUS_LOOKS[status];
          const chosen = filter.status.includes(status);
          return (
            <button
              key={status}
              type="button"
              class={`chip tone-${look.tone}`}
              aria-pressed={chosen}
              onClick={() => set({ status: chosen ? filter.status.filter((one) => one !== status) : [...filter.status, status] })}
            >
              <Badge look={look} />
            </button>
          );
        })}
        {STUCK_ON.map(([name, word]) => {
          const value = filter.texts[name];
          if (value === undefined) return null;
          return (
            <button
              key={name}
              type="button"
              class="chip narrowed"
              aria-label={`${word} ${value}. Take this condition away`}
              onClick={() => setText(name)('', false)}
            >
              <span class="muted">{word}</span> <span class="clamp">{value}</span> {ICONS.close}
            </button>
          );
        })}
        {count > 0 && (
          <button type="button" class="link-button clear" onClick={() => go(listAddress({ texts: {}, status: [], tag: [] }))}>
            Clear filter
          </button>
        )}
      </div>
    </form>
  );
}
