/** Requests to WorldSeat's own API, and its answers when it says no. */

const TIMEOUT_MS = 10_000;

/** A problem document (RFC 9457), or a request that got no answer at all (status 0). */
export class Problem extends Error {
  /** @param {{status: number, code: string, detail: string, next?: string, request_id?: string,
   *   retry_after_s?: number, seat?: string, nearest?: string[]}} told */
  constructor(told) {
    super(told.detail);
    this.status = told.status;
    this.code = told.code;
    this.next = told.next ?? "";
    this.requestId = told.request_id ?? "";
    this.retryAfterMs = (told.retry_after_s ?? 0) * 1000;
    this.seat = told.seat;
    this.nearest = told.nearest ?? [];
  }

  /** The problem in one or two sentences. */
  get words() {
    return this.next ? `${this.message} ${this.next}` : this.message;
  }
}

/**
 * Send a request and return its JSON. Throws Problem, never anything else.
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, headers?: Record<string, string>}} [more]
 * @returns {Promise<any>}
 */
export async function ask(method, path, { body, headers = {} } = {}) {
  /** @type {Record<string, string>} */
  const type = body === undefined ? {} : { "content-type": "application/json" };
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers: { accept: "application/json", ...type, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch {
    throw new Problem({ status: 0, code: "no-answer", detail: "The server did not answer." });
  }
  if (!response.ok) throw problemOf(response, text);
  return parsed(text) ?? {};
}

/**
 * @param {Response} response
 * @param {string} text
 */
function problemOf(response, text) {
  const told = parsed(text);
  return new Problem({
    detail: `The server answered ${response.status}.`,
    next: "Try again.",
    ...told,
    status: response.status,
    code: String(told?.type ?? "").replace("/problems/", "") || "error",
    retry_after_s: Number(response.headers.get("retry-after")) || 0,
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
