import * as z from 'zod';
import type { RetryPolicy } from '../../src/flows/policy.ts';
import { resource, type Resource } from '../../src/flows/resource.ts';
import type { CancelContext, ConfirmContext, RenewContext, TryContext } from '../../src/flows/resource-code.ts';
import { tcc, type Tcc } from '../../src/flows/tcc.ts';
import type { Ledger } from './fixture.ts';

type Args = { readonly order: string };
type Hold = { readonly ref: string };

/** What a resource does in a test, before its effect. Left out: it works. */
export interface Conduct {
  readonly try?: (context: TryContext<Args>) => unknown;
  readonly confirm?: (context: ConfirmContext<Args, Hold>) => unknown;
  readonly cancel?: (context: CancelContext<Args, Hold>) => unknown;
  /** Its hold lasts so long, and is renewed. */
  readonly renew?: (context: RenewContext<Args, Hold>) => unknown;
  readonly holdForMs?: number;
  readonly timeoutMs?: number;
}

const FAST: RetryPolicy = { attempts: 3, delayMs: 5, maxDelayMs: 20, jitter: 0 };
const CartInput = z.object({ order: z.string() });

/** Writes `try stock`, `confirm stock`, `cancel stock` to the ledger, each when it has its effect. */
export function namedResource<const Name extends string>(
  name: Name,
  ledger: Ledger,
  conduct: Conduct = {},
): Resource<Name, Args, Args, Hold> {
  return resource({
    name,
    input: CartInput,
    hold: z.object({ ref: z.string() }),
    holdForMs: conduct.holdForMs ?? 60_000,
    ...(conduct.renew === undefined ? {} : { renewable: true, renew: conduct.renew }),
    timeoutMs: conduct.timeoutMs ?? 10_000,
    retry: FAST,
    confirmation: { retry: FAST },
    cancellation: { retry: FAST },
    async try(context) {
      await conduct.try?.(context);
      ledger.push(`try ${name}`);
      return { ref: `${name}/${context.input.order}` };
    },
    async confirm(context) {
      await conduct.confirm?.(context);
      ledger.push(`confirm ${name}`);
    },
    async cancel(context) {
      await conduct.cancel?.(context);
      ledger.push(`cancel ${name}`);
    },
  });
}

/** The TCC of the scenarios: stock, then credit. */
export function checkoutTcc(
  ledger: Ledger,
  { stock, credit, ...options }: { stock?: Conduct; credit?: Conduct; deadlineMs?: number; version?: number } = {},
): Tcc<Args, { stock: string; credit: string }> {
  const { deadlineMs = 30_000, version = 1 } = options;
  return tcc({ name: 'checkout', version, input: CartInput, deadlineMs })
    .reserve(namedResource('stock', ledger, stock), ({ input }) => input)
    .reserve(namedResource('credit', ledger, credit), ({ input }) => input)
    .returns(({ holds }) => ({ stock: holds.stock.ref, credit: holds.credit.ref }));
}
