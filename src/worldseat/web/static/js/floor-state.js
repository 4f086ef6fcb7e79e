/**
 * The floor as a value: states of all seats and the number of the change that made them so.
 * It runs in pages and in the shared worker alike.
 *
 * @typedef {{event_id: string, round_id: string, change: string, seat_count: number,
 *   sold_count: number, states: string, as_of_at: string, store?: string}} FloorView
 * @typedef {{change: string, round_id: string, sold_count: number, as_of_at: string,
 *   seats: [number, number][]}} Delta
 */

export const OPEN = 0;
export const SOLD = 1;
/** By value: the states that a seat can be in. */
export const STATES = ["open", "sold", "held", "withheld"];

/**
 * Unpack two bits per seat, seat 0 in the lowest bits of the first byte.
 * @param {string} base64
 * @param {number} seatCount
 */
export function unpack(base64, seatCount) {
  const packed = atob(base64);
  const states = new Uint8Array(seatCount);
  for (let seat = 0; seat < seatCount; seat += 1) {
    states[seat] = (packed.charCodeAt(seat >> 2) >> (2 * (seat & 3))) & 3;
  }
  return states;
}

/** @param {Uint8Array} states */
export function pack(states) {
  const bytes = new Uint8Array(Math.ceil(states.length / 4));
  states.forEach((state, seat) => {
    bytes[seat >> 2] |= state << (2 * (seat & 3));
  });
  return btoa(String.fromCharCode(...bytes));
}

/**
 * The number in a change's id, which reads `<process>.<number>`.
 * @param {string} change
 */
export function changeNumber(change) {
  return Number(change.slice(change.lastIndexOf(".") + 1));
}

/**
 * Whether nothing is missing between two changes.
 * @param {string} before
 * @param {string} after
 */
function follows(before, after) {
  return after === before.replace(/[0-9]+$/, String(changeNumber(before) + 1));
}

/**
 * Apply a numbered delta. Returns the new floor, or null if something is missing in between: then
 * only a whole floor helps. The server's count of sold seats is a second check.
 * @param {FloorView} floor
 * @param {Delta} delta
 * @returns {FloorView | null}
 */
export function advance(floor, delta) {
  if (delta.round_id !== floor.round_id || !follows(floor.change, delta.change)) return null;
  const states = unpack(floor.states, floor.seat_count);
  for (const [seat, state] of delta.seats) states[seat] = state;
  const sold = states.reduce((sum, state) => sum + (state === SOLD ? 1 : 0), 0);
  if (sold !== delta.sold_count) return null;
  const { change, sold_count, as_of_at } = delta;
  return { ...floor, states: pack(states), change, sold_count, as_of_at };
}
