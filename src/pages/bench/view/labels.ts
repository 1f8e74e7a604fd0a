/** Where numbers stand beside crowded points. Pure. */

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Around the point: right, above, left, below, then the corners. */
const DIRECTIONS = [0, -2, 4, 2, -1, -3, 1, 3].map((eighth) => (eighth * Math.PI) / 4);

/** A place for each point's label, as far as there is one, clear of points and of labels placed before. */
export function placeLabels(points: readonly Place[], distance: number): Place[] {
  const taken: Place[] = [...points];
  return points.map(({ x, y }) => {
    const rings = [1, 1.7, 2.4].flatMap((ring) =>
      DIRECTIONS.map((angle) => ({
        x: x + ring * distance * Math.cos(angle),
        y: y + ring * distance * Math.sin(angle),
      })),
    );
    const clearance = (place: Place) =>
      Math.min(...taken.map((other) => Math.hypot(other.x - place.x, other.y - place.y)));
    const free = rings.find((place) => clearance(place) >= 0.95 * distance);
    const best = free ?? rings.reduce((a, b) => (clearance(b) > clearance(a) ? b : a));
    taken.push(best);
    return best;
  });
}
