/**
 * Calls `listener` when the network or the user may be back: on `online`, and when the page becomes visible. It ignores
 * `offline`, which is often wrong. Node has no such events.
 * @returns a function that stops listening
 */
export function onWake(listener: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => {};
  const page = typeof document === "undefined" ? undefined : document;
  const onVisibility = () => {
    if (page?.visibilityState === "visible") listener();
  };
  globalThis.addEventListener("online", listener);
  page?.addEventListener("visibilitychange", onVisibility);
  return () => {
    globalThis.removeEventListener("online", listener);
    page?.removeEventListener("visibilitychange", onVisibility);
  };
}
