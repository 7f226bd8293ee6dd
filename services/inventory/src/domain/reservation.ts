import type { Portion } from './shelf.ts';

/** `held → sold → released`, or `held → released`. */
export type ReservationState = 'held' | 'sold' | 'released';

/** What an order took of one SKU at one location. */
export interface Reservation extends Portion {
  readonly orderId: string;
  readonly state: ReservationState;
  /** Units of these that were sold and have come back. */
  readonly returned: number;
}
