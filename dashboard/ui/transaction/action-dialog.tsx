import type { JSX } from 'preact';
import { useCallback, useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Action } from '../../api/action-names.ts';
import type { ActionRequest, ActionResult, Preview } from '../../api/actions.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ask, ApiError } from '../browser/api.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Failure, Loading } from '../parts/messages.tsx';
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

/** Shows what an act would lead to, asks why, and does exactly that or nothing. */
export function ActionDialog({ transaction, action, step: given, onClose, onDone }: ActionDialogProps): JSX.Element {
  const { id, actions } = transaction;
  const open = actions.find((one) => one.action === action);
  const [step, setStep] = useState(given ?? (action === 'skip' || action === 'mark_undone' ? open?.steps[0] : undefined));
  const [signal, setSignal] = useState(action === 'signal' ? open?.signals[0] : undefined);
  const [data, setData] = useState('');
  const [reason, setReason] = useState('');
  const [preview, setPreview] = useState<Preview>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const ids = { step: useId(), data: useId(), reason: useId() };
  const { title, effect, danger } = ACTION_TEXTS[action];
  const path = `transactions/${encodeURIComponent(id)}/actions/${action}`;
  const look = useCallback(async (): Promise<void> => {
    const query = new URLSearchParams({ ...(step === undefined ? {} : { step }), ...(signal === undefined ? {} : { signal }) }).toString();
    try {
      setPreview(await ask<Preview>(`${path}/preview${query === '' ? '' : `?${query}`}`));
    } catch (error) {
      setError(error as ApiError);
    }
  }, [path, step, signal]);
  useEffect(() => void look(), [look]);
  // As soon as it may be done, what is still missing is the reason.
  const allowed = preview?.allowed === true;
  const why = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (allowed && document.activeElement instanceof HTMLButtonElement) why.current?.focus();
  }, [allowed]);

  const act = async (): Promise<void> => {
    if (preview === undefined) return;
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
      if (error instanceof ApiError && error.status === CHANGED) await look();
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
              disabled={busy || preview === undefined || reason.trim() === ''}
            >
              {title}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
