import type { JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { BulkAction } from '../../api/action-names.ts';
import type { Bulk, BulkPreview, BulkPreviewRequest, BulkRequest } from '../../api/bulk.ts';
import type { Status } from '../../../src/machine/state.ts';
import { ask, type ApiError } from '../browser/api.ts';
import { useSession } from '../browser/session.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Failure, Loading } from '../parts/messages.tsx';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';
import { ACTION_TEXTS } from '../transaction/action-texts.ts';
import { bulkFilter, conditionsOf, type TypedFilter } from '../transactions/filter.ts';

interface BulkDialogProps {
  readonly filter: TypedFilter;
  readonly onClose: () => void;
  readonly onStarted: () => void;
}

const DEFAULT_RATE = 10;
/** Done to a step, if the filter has one; else to all that is stuck. */
const STEPWISE: readonly BulkAction[] = ['retry', 'mark_undone', 'skip'];
const BULK_ACTIONS: readonly BulkAction[] = ['retry', 'mark_undone', 'skip', 'cancel', 'pause', 'resume', 'terminate'];

function useCount(
  filter: TypedFilter,
  action: BulkAction,
): { readonly preview: BulkPreview | undefined; readonly error: ApiError | undefined } {
  const [preview, setPreview] = useState<BulkPreview>();
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    const controller = new AbortController();
    setPreview(undefined);
    setError(undefined);
    const body: BulkPreviewRequest = { filter: bulkFilter(filter), action };
    ask<BulkPreview>('bulk/preview', { body, signal: controller.signal }).then(setPreview, (error: unknown) => {
      if (!controller.signal.aborted) setError(error as ApiError);
    });
    return () => controller.abort();
  }, [filter, action]);
  return { preview, error };
}

/** One act for all that match: says how many before anything is done. */
export function BulkDialog({ filter, onClose, onStarted }: BulkDialogProps): JSX.Element {
  const session = useSession();
  const allowed = BULK_ACTIONS.filter((action) => session?.may[action] === true);
  const [action, setAction] = useState<BulkAction>(allowed[0] ?? 'retry');
  const [reason, setReason] = useState('');
  const [rate, setRate] = useState(String(DEFAULT_RATE));
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<ApiError>();
  // The filter that was counted is the one that is done, whatever the address becomes.
  const [counted] = useState(filter);
  const { preview, error } = useCount(counted, action);
  const ids = { action: useId(), reason: useId(), rate: useId() };
  const { title, effect, danger } = ACTION_TEXTS[action];
  const perSecond = Number(rate);
  const rateFits = perSecond >= 0.1 && perSecond <= 1_000;
  const start = async (): Promise<void> => {
    setBusy(true);
    setRefusal(undefined);
    try {
      const body: BulkRequest = { filter: bulkFilter(counted), action, reason: reason.trim(), ratePerSecond: perSecond };
      await ask<Bulk>('bulk', { body });
      onStarted();
      onClose();
    } catch (error) {
      setRefusal(error as ApiError);
      setBusy(false);
    }
  };
  return (
    <Dialog title={conditionsOf(counted) === 0 ? 'Bulk action on all transactions' : 'Bulk action on all that match'} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div class="dialog-body">
          <div class="field">
            <label for={ids.action}>What to do</label>
            <select id={ids.action} autofocus value={action} onChange={({ currentTarget }) => setAction(currentTarget.value as BulkAction)}>
              {allowed.map((action) => (
                <option key={action} value={action}>
                  {ACTION_TEXTS[action].title}
                </option>
              ))}
            </select>
          </div>
          <p class="muted">{effect}</p>
          {counted.texts.step !== undefined && STEPWISE.includes(action) && (
            <p class="break">
              Of each only <code>{counted.texts.step}</code>.
            </p>
          )}
          <div class="count-box" aria-live="polite">
            {preview === undefined && error === undefined && <Loading what="the count" />}
            {error !== undefined && <Failure error={error} />}
            {preview !== undefined && (
              <>
                <p class="count-line">
                  <span class="count-number number">{preview.count.toLocaleString('en')}</span>{' '}
                  {preview.count === 1 ? 'transaction' : 'transactions'}
                </p>
                {preview.truncated && <p>There are more. Only so many are done at once: do it again afterwards.</p>}
                <div class="spread">
                  {Object.entries(preview.byStatus).map(([status, count]) => (
                    <span key={status} class="spread tight">
                      <Badge look={STATUS_LOOKS[status as Status]} />
                      <span class="number muted">{count}</span>
                    </span>
                  ))}
                </div>
                {preview.sample.length > 0 && (
                  <p class="small muted break">
                    {preview.sample
                      .slice(0, 5)
                      .map(({ id }) => id)
                      .join(', ')}
                    {preview.count > 5 ? ', …' : ''}
                  </p>
                )}
                <p class="small muted">What does not allow it by then is left as it is, and counted as failed with the reason.</p>
              </>
            )}
          </div>
          <div class="field">
            <label for={ids.reason}>Why (stands in the history of each)</label>
            <textarea
              id={ids.reason}
              required
              maxLength={1_000}
              value={reason}
              onInput={({ currentTarget }) => setReason(currentTarget.value)}
              placeholder="The stock service is back since 03:20, INC-1742"
            />
          </div>
          <div class="field rate">
            <label for={ids.rate}>How many a second</label>
            <input
              id={ids.rate}
              type="number"
              min="0.1"
              max="1000"
              step="any"
              required
              value={rate}
              onInput={({ currentTarget }) => setRate(currentTarget.value)}
            />
          </div>
          {refusal !== undefined && <Failure error={refusal} />}
        </div>
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Don’t
          </button>
          <button
            type="submit"
            class={`button main-action${danger ? ' danger' : ''}`}
            disabled={busy || preview === undefined || preview.count === 0 || reason.trim() === '' || !rateFits}
          >
            {title} {preview === undefined ? '' : preview.count.toLocaleString('en')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
