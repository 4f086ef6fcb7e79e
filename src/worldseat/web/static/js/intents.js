/**
 * What this tab set out to buy and has no definite answer for: one idempotency key per seat, kept
 * in sessionStorage, so that a double click, the back button, a reload or a lost answer ask again
 * under the same key and get one ticket.
 *
 * @typedef {{key: string, eventId: string, roundId: string, seat: string}} Intent
 */

const PREFIX = "worldseat:buy:";

/** @type {Map<string, Intent>} what is kept where storage is switched off */
const memory = new Map();

/** @param {Omit<Intent, "key">} wish */
function nameOf({ eventId, roundId, seat }) {
  return `${PREFIX}${eventId}:${roundId}:${seat}`;
}

/**
 * Return the open intent for this seat, or begin one.
 * @param {Omit<Intent, "key">} wish
 * @returns {Intent}
 */
export function intentFor(wish) {
  const name = nameOf(wish);
  const kept = read(name);
  if (kept) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const intent = { ...wish, key };
  memory.set(name, intent);
  try {
    sessionStorage.setItem(name, JSON.stringify(intent));
  } catch {
    // Storage is switched off: the intent lives as long as the page.
  }
  return intent;
}

/**
 * The answer is definite: the next attempt gets a new key.
 * @param {Intent} intent
 */
export function settle(intent) {
  memory.delete(nameOf(intent));
  try {
    sessionStorage.removeItem(nameOf(intent));
  } catch {
    // It was never stored.
  }
}

/**
 * Return the intents of an event that still wait for an answer.
 * @param {string} eventId
 * @returns {Intent[]}
 */
export function unsettled(eventId) {
  try {
    return Object.keys(sessionStorage)
      .filter((name) => name.startsWith(`${PREFIX}${eventId}:`))
      .map((name) => read(name))
      .filter((intent) => intent !== null);
  } catch {
    return [];
  }
}

/**
 * @param {string} name
 * @returns {Intent | null}
 */
function read(name) {
  try {
    const intent = JSON.parse(sessionStorage.getItem(name) ?? "null");
    if (intent?.key && intent.seat) return intent;
  } catch {
    // Storage is switched off, or holds what we did not write.
  }
  return memory.get(name) ?? null;
}
