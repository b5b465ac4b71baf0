/**
 * iOS lays its keyboard over the page instead of resizing it. The style sheet takes the height from here; a page that
 * the reader has zoomed into keeps its own.
 */
export function keepAboveKeyboard(): void {
  const viewport = window.visualViewport;
  viewport?.addEventListener("resize", () => {
    if (viewport.scale !== 1) return;
    document.documentElement.style.setProperty("--visible-height", `${viewport.height}px`);
    window.scrollTo(0, 0);
  });
}
