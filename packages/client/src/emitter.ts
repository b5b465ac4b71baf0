import { requireKind } from "./arguments.ts";

/**
 * Typed events with one value each. If a listener throws or its promise rejects, the emitter reports the error, and the
 * other listeners and the client continue. Only the class itself can emit.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => unknown>>();

  /**
   * Adds a listener. A listener that is added twice is called twice.
   * @returns a function that removes the listener
   * @throws TypeError if `listener` is not a function
   */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    requireKind("function", listener, "The listener");
    // A new function for each call, so that a listener added twice is removed one by one.
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

/** Reports like an uncaught error, where that does not end the program (browsers). */
function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}
