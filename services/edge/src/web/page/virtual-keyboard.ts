/**
 * Keeps the page above the keyboard of iOS, which covers the page instead of resizing it. The style sheet takes the
 * height from `--visible-height`. A zoomed page keeps its height.
 */
export function keepAboveKeyboard(): void {
  const viewport = window.visualViewport;
  viewport?.addEventListener("resize", () => {
    if (viewport.scale !== 1) return;
    document.documentElement.style.setProperty("--visible-height", `${viewport.height}px`);
    window.scrollTo(0, 0);
  });
}
