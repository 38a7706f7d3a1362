import { AmendsError } from 'amends';
import type { RetailOrder } from './contracts.ts';
import { DEFAULT_UNITS_PER_SKU } from './inventory.ts';
import { DEFAULT_CREDIT_CENTS } from './payments.ts';

export interface GenerateOptions {
  /** Default 60. From 15 on there is one of every kind. */
  readonly count?: number | undefined;
  /** The same seed gives the same orders. Default 1. */
  readonly seed?: number | undefined;
  /** Number of the first order; the others follow. Default 600000. */
  readonly firstNumber?: number | undefined;
}

/** What becomes of an order with the services' default rules. */
type Fate = 'completed' | 'cancellation' | 'anonymous' | 'not shipped to' | 'out of stock' | 'over the credit';

/** Of 15 orders in a row, in this order. */
const FATES: Readonly<Record<number, Fate>> = {
  2: 'not shipped to',
  4: 'over the credit',
  6: 'out of stock',
  8: 'cancellation',
  11: 'anonymous',
  12: 'over the credit',
};

const COLOURS = ['RED', 'BLUE', 'GREEN', 'IVORY', 'PINK'];
const THINGS = ['LANTERN', 'TEA TOWEL', 'CAKE STAND', 'LUNCH BOX', 'DOORMAT', 'HAND WARMER', 'JAM JAR', 'WALL CLOCK'];
const COUNTRIES = ['United Kingdom', 'United Kingdom', 'United Kingdom', 'France', 'Germany', 'EIRE'];
const NOT_SHIPPED_TO = ['Australia', 'Norway'];
const FIRST_MINUTE_MS = Date.UTC(2010, 11, 1, 8);

/** Mulberry32 by Tommy Ettinger (public domain): 32 bits of state, enough for made-up orders. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= 1_000_000_000) return value;
  throw new AmendsError('INVALID_OPTION', `${name} is ${value}: give a whole number from 0 to 1000000000`);
}

/**
 * Makes up orders of which some are refused by the schema and some fail at each step of the saga, with the services' default rules.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function* generateOrders(options: GenerateOptions = {}): Generator<RetailOrder, void, undefined> {
  const count = wholeNumber('count', options.count ?? 60);
  const random = randomOf(wholeNumber('seed', options.seed ?? 1));
  const firstNumber = wholeNumber('firstNumber', options.firstNumber ?? 600_000);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  // Enough customers and goods for the number of orders: one that isn't meant to fail must not.
  const customers = Math.max(20, count);
  const skus = Math.max(40, count);

  for (let n = 0; n < count; n++) {
    const fate = FATES[n % 15] ?? 'completed';
    const sign = fate === 'cancellation' ? -1 : 1;
    const numbers = new Set(Array.from({ length: 1 + random(4) }, () => random(skus)));
    const items = [...numbers].map((number) => ({
      sku: String(20_000 + number),
      description: `${COLOURS[number % COLOURS.length]} ${THINGS[number % THINGS.length]}`,
      quantity: sign * (1 + random(6)),
      pence: 50 + random(450),
    }));
    const [first] = items;
    if (first !== undefined && fate === 'out of stock') first.quantity = DEFAULT_UNITS_PER_SKU + 1 + random(100);
    if (first !== undefined && fate === 'over the credit') first.pence = DEFAULT_CREDIT_CENTS + 1 + random(50_000);
    const cents = items.reduce((sum, { quantity, pence }) => sum + quantity * pence, 0);
    yield {
      orderId: `${fate === 'cancellation' ? 'C' : ''}${firstNumber + n}`,
      customerId: fate === 'anonymous' ? null : String(12_000 + random(customers)),
      country: fate === 'not shipped to' ? pick(NOT_SHIPPED_TO) : pick(COUNTRIES),
      placedAt: new Date(FIRST_MINUTE_MS + n * 60_000).toISOString(),
      items: items.map(({ pence, ...item }) => ({ ...item, unitPrice: pence / 100 })),
      total: cents / 100,
    };
  }
}
