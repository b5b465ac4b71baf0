import { until } from "@madang/local-stack";

/** A child's `ready`: waits until the URL answers with a status below 500. */
export function answering(url: string): (signal: AbortSignal) => Promise<void> {
  return (signal) =>
    until(signal, async () => {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000), redirect: "manual" });
      await response.body?.cancel();
      return response.status < 500;
    });
}
