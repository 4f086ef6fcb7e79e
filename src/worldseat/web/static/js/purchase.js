/** One purchase, asked for under one key until the answer is definite. */

import { ask, Problem } from "./api.js";
import { intentFor, settle } from "./intents.js";

const ATTEMPTS = 6;
const WAIT_MS = 300;
const WAIT_MAX_MS = 4_000;

/**
 * @typedef {{seat: string, code: string, region: string, sold_at: string, round_id: string,
 *   event_id: string, event_title: string, status: string}} Ticket
 * @typedef {{kind: "sold", ticket: Ticket, replayed: boolean}
 *   | {kind: "refused", problem: Problem}
 *   | {kind: "unknown", problem: Problem}} Outcome
 */

/** @type {Map<string, Promise<Outcome>>} */
const underWay = new Map();

/**
 * Buy a seat. A second call while the first is under way gets the same answer.
 * @param {{eventId: string, roundId: string, seat: string}} wish
 * @param {(attempt: number, attempts: number) => void} askingAgain
 * @returns {Promise<Outcome>}
 */
export function buy(wish, askingAgain) {
  const intent = intentFor(wish);
  let answer = underWay.get(intent.key);
  if (!answer) {
    answer = pursue(intent, askingAgain).finally(() => underWay.delete(intent.key));
    underWay.set(intent.key, answer);
  }
  return answer;
}

/**
 * @param {import("./intents.js").Intent} intent
 * @param {(attempt: number, attempts: number) => void} askingAgain
 * @returns {Promise<Outcome>}
 */
async function pursue(intent, askingAgain) {
  /** @type {Problem | undefined} */
  let last;
  let becameFan = false;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (last) {
      askingAgain(attempt, ATTEMPTS);
      await pause(attempt, last.retryAfterMs);
    }
    try {
      const answer = await ask("POST", `/api/events/${intent.eventId}/claims`, {
        headers: { "idempotency-key": intent.key },
        body: { seats: [intent.seat] },
      });
      settle(intent);
      return { kind: "sold", ticket: answer.tickets[0], replayed: answer.replayed };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      last = error;
      if (error.status === 401 && !becameFan) {
        becameFan = true;
        await becomeFan();
      } else if (isDefinite(error)) {
        settle(intent);
        return { kind: "refused", problem: error };
      }
    }
  }
  return { kind: "unknown", problem: /** @type {Problem} */ (last) };
}

/**
 * No answer, a 5xx, a 408 or a 429 leave it open; everything else is a no for good.
 * @param {Problem} problem
 */
function isDefinite({ status }) {
  return status !== 0 && status < 500 && status !== 408 && status !== 429 && status !== 401;
}

/** The cookie is missing or no longer valid: nothing was written, so become a fan and ask again. */
async function becomeFan() {
  try {
    await ask("POST", "/api/me", { body: {} });
  } catch {
    // The claim itself will say what is wrong.
  }
}

/**
 * @param {number} attempt
 * @param {number} atLeastMs
 */
function pause(attempt, atLeastMs) {
  const waitMs = Math.min(WAIT_MS * 2 ** (attempt - 2), WAIT_MAX_MS) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, atLeastMs)));
}
