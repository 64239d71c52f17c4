import { Cartesian3 } from "@cesium/engine";
import { expect, it } from "vitest";
import { padded } from "../src/globe/places";

it.each([2, 3, 4, 5, 9, 100, 241])("%i places become a power of two, all of them kept, and what is between lies on the line", (count) => {
  const places = Array.from({ length: count }, (_, i) => new Cartesian3(i * i, -i, 3));
  const found = padded(places);
  expect(Math.log2(found.length) % 1).toBe(0);
  expect(found.length).toBeLessThan(2 * count);
  let piece = 0;
  for (const place of found) {
    if (place.equals(places[piece + 1])) piece += 1;
    const [from, to] = [places[piece]!, places[Math.min(piece + 1, count - 1)]!];
    const apart = Cartesian3.distance(from, place) + Cartesian3.distance(place, to) - Cartesian3.distance(from, to);
    // Rounding of numbers up to 241² = 58,081: parts of 1e-11.
    expect(Math.abs(apart)).toBeLessThan(1e-9);
  }
  expect(piece).toBe(count - 1);
});

it("a place alone stays alone", () => {
  expect(padded([new Cartesian3(1, 2, 3)])).toHaveLength(1);
  expect(padded([])).toEqual([]);
});
