/** Landmarks are how screen readers find their way about a page; one more inside another only adds noise. */

const landmarks =
  'main, nav, aside, section[aria-label], section[aria-labelledby], [role=main], [role=navigation], [role=complementary], [role=region], dialog, [role=dialog]';

/** Whether a landmark stands around `element`, through all shadow roots. */
export function isInLandmark(element: Element): boolean {
  if (element.closest(landmarks)) return true;
  const root = element.getRootNode();
  return root instanceof ShadowRoot && isInLandmark(root.host);
}
