/**
 * The shared worker: one stream per event for all tabs of this origin, because a browser opens no
 * more than six connections to a host.
 */

import { Stream } from "./stream.js";

/** @type {Map<string, {stream: Stream, ports: Set<MessagePort>}>} */
const watched = new Map();

/**
 * @param {string} eventId
 * @param {MessagePort} port
 */
function watch(eventId, port) {
  let entry = watched.get(eventId);
  if (!entry) {
    const ports = new Set();
    const stream = new Stream(eventId, (news) => {
      for (const each of ports) each.postMessage(news);
    });
    entry = { stream, ports };
    watched.set(eventId, entry);
  }
  entry.ports.add(port);
  if (entry.stream.floor) port.postMessage({ type: "floor", data: entry.stream.floor });
}

/**
 * @param {string} eventId
 * @param {MessagePort} port
 */
function leave(eventId, port) {
  const entry = watched.get(eventId);
  if (!entry) return;
  entry.ports.delete(port);
  if (entry.ports.size) return;
  entry.stream.close();
  watched.delete(eventId);
}

addEventListener("connect", (event) => {
  const port = /** @type {MessageEvent} */ (event).ports[0];
  port.onmessage = ({ data }) => {
    if (data.type === "leave") {
      leave(data.eventId, port);
      return;
    }
    watch(data.eventId, port);
    // A page holds its lock as long as it lives: getting it means that the page is gone, however
    // it went, and nobody listens at this port any more.
    navigator.locks?.request(data.lock, () => leave(data.eventId, port));
  };
});
