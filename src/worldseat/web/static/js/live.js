/**
 * The live floor of one event, whatever carries it: a shared worker for all tabs; where there is
 * none, one tab that holds a lock reads the stream and tells the others; without locks, a stream of
 * this tab's own.
 */

import { Stream } from "./stream.js";

/** @typedef {import("./stream.js").News} News */

/**
 * Watch an event. Returns a function that stops it.
 * @param {string} eventId
 * @param {(news: News) => void} tell
 * @returns {() => void}
 */
export function watch(eventId, tell) {
  if ("SharedWorker" in globalThis) return watchByWorker(eventId, tell);
  if (navigator.locks && "BroadcastChannel" in globalThis) return watchByLeader(eventId, tell);
  const stream = new Stream(eventId, tell);
  return () => stream.close();
}

/**
 * @param {string} eventId
 * @param {(news: News) => void} tell
 */
function watchByWorker(eventId, tell) {
  const url = new URL("./live-worker.js", import.meta.url);
  const worker = new SharedWorker(url, { type: "module", name: "worldseat-live" });
  let stop = () => {};
  worker.addEventListener("error", () => {
    // The worker cannot be loaded here: read the stream in this tab.
    const stream = new Stream(eventId, tell);
    stop = () => stream.close();
  });
  worker.port.onmessage = ({ data }) => tell(data);
  const lock = `worldseat:page:${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  const hold = new AbortController();
  const watching = () => worker.port.postMessage({ type: "watch", eventId, lock });
  if (navigator.locks) {
    navigator.locks.request(lock, () => {
      watching();
      return new Promise((resolve) => hold.signal.addEventListener("abort", () => resolve(null)));
    });
  } else {
    watching();
  }
  return () => {
    worker.port.postMessage({ type: "leave", eventId });
    hold.abort();
    stop();
  };
}

/**
 * @param {string} eventId
 * @param {(news: News) => void} tell
 */
function watchByLeader(eventId, tell) {
  const channel = new BroadcastChannel(`worldseat:live:${eventId}`);
  const resign = new AbortController();
  let leading = false;
  channel.onmessage = ({ data }) => {
    if (data.type !== "hello" && !leading) tell(data);
  };
  navigator.locks
    .request(`worldseat:leader:${eventId}`, { signal: resign.signal }, () => {
      leading = true;
      const stream = new Stream(eventId, (news) => {
        tell(news);
        channel.postMessage(news);
      });
      channel.addEventListener("message", ({ data }) => {
        if (data.type === "hello" && stream.floor) {
          channel.postMessage({ type: "floor", data: stream.floor });
        }
      });
      return new Promise((resolve) => {
        resign.signal.addEventListener("abort", () => {
          stream.close();
          resolve(null);
        });
      });
    })
    .catch(() => {
      // This tab stopped watching before it ever led.
    });
  channel.postMessage({ type: "hello" });
  return () => {
    resign.abort();
    channel.close();
  };
}
