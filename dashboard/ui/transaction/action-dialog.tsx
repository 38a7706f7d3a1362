import type { JSX } from 'preact';
import { useCallback, useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Action } from '../../api/action-names.ts';
import type { ActionRequest, ActionResult, Preview } from '../../api/actions.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ask, ApiError } from '../browser/api.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Failure, Loading, Notice } from '../parts/messages.tsx';
import { toast } from '../parts/toasts.tsx';
import { ACTION_TEXTS } from './action-texts.ts';
import { PreviewBox } from './preview.tsx';

interface ActionDialogProps {
  readonly transaction: Transaction;
  readonly action: Action;
  readonly step: string | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Somebody else, or the transaction itself, was faster: what was previewed is not what would happen. */
const CHANGED = 409;

function parsed(text: string): ActionRequest['data'] {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as ActionRequest['data'];
  } catch (error) {
    throw new ApiError(
      0,
      'NOT_JSON',
      `What comes with the signal is not JSON: ${(error as Error).message}. Write a text in double quotes.`,
    );
  }
}

interface Shown {
  readonly preview: Preview;
  /** The choices that it was asked for with. */
  readonly of: string;
  /** It says something else than when the dialog was opened. */
  readonly isNews: boolean;
}

function differs(old: Preview, next: Preview): boolean {
  return JSON.stringify({ ...old, version: 0 }) !== JSON.stringify({ ...next, version: 0 });
}

/** Shows what an act would lead to, asks why, and does exactly that or nothing. */
export function ActionDialog({ transaction, action, step: given, onClose, onDone }: ActionDialogProps): JSX.Element {
  const { id, version, actions } = transaction;
  const open = actions.find((one) => one.action === action);
  const [step, setStep] = useState(given ?? (action === 'skip' || action === 'mark_undone' ? open?.steps[0] : undefined));
  const [signal, setSignal] = useState(action === 'signal' ? open?.signals[0] : undefined);
  const [data, setData] = useState('');
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState<Shown>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const ids = { step: useId(), data: useId(), reason: useId() };
  const { title, effect, danger } = ACTION_TEXTS[action];
  const path = `transactions/${encodeURIComponent(id)}/actions/${action}`;
  const latest = useRef<AbortController | undefined>(undefined);
  const look = useCallback(async (): Promise<void> => {
    latest.current?.abort();
    const { signal: mine } = (latest.current = new AbortController());
    const query = new URLSearchParams({ ...(step === undefined ? {} : { step }), ...(signal === undefined ? {} : { signal }) }).toString();
    try {
      const next = await ask<Preview>(`${path}/preview${query === '' ? '' : `?${query}`}`, { signal: mine });
      setShown((old) => ({ preview: next, of: query, isNews: old?.of === query && (old.isNews || differs(old.preview, next)) }));
    } catch (error) {
      if (!mine.aborted) setError(error as ApiError);
    }
  }, [path, step, signal]);
  // Again with each change that the page hears of, and after a refusal: what is shown is what would happen now.
  useEffect(() => {
    if (!busy) void look();
  }, [look, version, busy]);
  useEffect(() => () => latest.current?.abort(), []);
  const preview = shown?.preview;
  const isOld = preview !== undefined && preview.version < version;
  // As soon as it may be done, what is still missing is the reason.
  const allowed = preview?.allowed === true;
  const why = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (allowed && document.activeElement instanceof HTMLButtonElement) why.current?.focus();
  }, [allowed]);

  const act = async (): Promise<void> => {
    if (preview === undefined || isOld) return;
    setBusy(true);
    setError(undefined);
    try {
      const sent = parsed(data);
      const body: ActionRequest = {
        version: preview.version,
        reason: reason.trim(),
        ...(step === undefined ? {} : { step }),
        ...(signal === undefined ? {} : { signal }),
        ...(sent === undefined ? {} : { data: sent }),
      };
      const { changed, before, after } = await ask<ActionResult>(path, { body });
      toast(
        changed
          ? `${title}: ${before === after ? `still ${after}` : `${before}, now ${after}`}`
          : `${title}: it was so before, nothing was changed`,
      );
      onDone();
      onClose();
    } catch (error) {
      setError(error as ApiError);
      setBusy(false);
    }
  };

  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <div class="dialog-body">
          <p class="muted">{effect}</p>
          {given !== undefined && open !== undefined && open.steps.length > 1 && (
            <p class="break">
              Only <code>{given}</code>: the others that are stuck stay as they are.
            </p>
          )}
          {open !== undefined && given === undefined && step !== undefined && open.steps.length > 1 && (
            <div class="field">
              <label for={ids.step}>Of which step</label>
              <select id={ids.step} value={step} onChange={({ currentTarget }) => setStep(currentTarget.value)}>
                {open.steps.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </div>
          )}
          {action === 'signal' && (
            <>
              <div class="field">
                <label for={ids.step}>Which signal</label>
                <select id={ids.step} value={signal} onChange={({ currentTarget }) => setSignal(currentTarget.value)}>
                  {open?.signals.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </div>
              <div class="field">
                <label for={ids.data}>What comes with it, as JSON (empty: nothing)</label>
                <textarea
                  id={ids.data}
                  class="mono"
                  value={data}
                  spellcheck={false}
                  onInput={({ currentTarget }) => setData(currentTarget.value)}
                  placeholder={'{ "approvedBy": "jane" }'}
                />
              </div>
            </>
          )}
          {preview === undefined && error === undefined && <Loading what="the preview" />}
          {preview !== undefined && <PreviewBox preview={preview} kind={transaction.kind} />}
          {shown?.isNews === true && error === undefined && (
            <Notice tone="hold" shape="clock" alert>
              It has moved on since this was opened. What stands above is how it would go now.
            </Notice>
          )}
          {error !== undefined && (
            <>
              <Failure error={error} />
              {error.status === CHANGED && <p>The preview above is new: read it, then decide again.</p>}
            </>
          )}
          {allowed && (
            <div class="field">
              <label for={ids.reason}>Why (stands in its history, with your name)</label>
              <textarea
                id={ids.reason}
                ref={why}
                required
                maxLength={1_000}
                value={reason}
                onInput={({ currentTarget }) => setReason(currentTarget.value)}
                placeholder="The stock service is back since 03:20, INC-1742"
              />
            </div>
          )}
        </div>
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            {preview?.allowed === false ? 'Close' : 'Don’t'}
          </button>
          {preview?.allowed !== false && (
            <button
              type="submit"
              class={`button main-action${danger ? ' danger' : ''}`}
              disabled={busy || preview === undefined || isOld || reason.trim() === ''}
            >
              {title}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
