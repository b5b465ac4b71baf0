import { requireKind } from "./arguments.ts";

/**
 * Typed events, one value each. A listener that throws, or returns a promise that is rejected, is reported and harms
 * neither the other listeners nor the client. Emitting is for the class itself: nobody outside can fake an event.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => unknown>>();

  /**
   * @returns unsubscribes
   * @throws TypeError where there is no function to call
   */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    requireKind("function", listener, "The listener");
    // A function of its own for each call, so that a listener added twice is called twice and removed one by one.
    const entry = (value: Events[Name]) => listener(value);
    const entries = this.#listeners.get(name);
    if (entries) entries.add(entry);
    else this.#listeners.set(name, new Set([entry]));
    return () => void this.#listeners.get(name)?.delete(entry);
  }

  protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const entries = this.#listeners.get(name) as Set<(value: Events[Name]) => unknown> | undefined;
    if (!entries || entries.size === 0) return;
    for (const entry of [...entries]) {
      if (!entries.has(entry)) continue;
      try {
        const returned = entry(value);
        if (returned instanceof Promise) returned.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }
}

/** As an uncaught error where the environment has a way to say so without ending the program (browsers). */
function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}
