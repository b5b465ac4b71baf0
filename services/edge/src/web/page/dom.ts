/** An element that the page's template contains. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element as E;
}

/** A new element. Strings become text nodes: the script never parses HTML. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** A text with elements in the place of its placeholders, such as `{user}`. */
export function withElements(text: string, elements: Readonly<Record<string, () => HTMLElement>>): (Node | string)[] {
  return text.split(/\{(\w+)\}/).map((part, i) => (i % 2 === 0 ? part : (elements[part]?.() ?? `{${part}}`)));
}
