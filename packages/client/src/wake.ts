/**
 * Calls `listener` when the environment hints that the network or the person is back: `online`, or a page shown
 * again. A hint is a reason to look, never proof: `offline` is not listened to, since it is often wrong.
 * Does nothing where there are no such events (Node).
 * @returns stops listening
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
