import { describe, expect, it } from "vitest";
import { clipped, landFrom, pieces, unwrapped } from "../src/globe/land";
import { ellipseRing, reached } from "../src/globe/places";
import atlas from "world-atlas/countries-110m.json";

function area(ring: readonly number[]): number {
  let twice = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const j = (i + 2) % ring.length;
    twice += ring[i]! * ring[j + 1]! - ring[j]! * ring[i + 1]!;
  }
  return Math.abs(twice) / 2;
}

describe("outlines of land", () => {
  it("have no leap at the date line", () => {
    const line = unwrapped([[179, 60], [-179, 61], [-178, 62]], false);
    expect(line).toEqual([[179, 60], [181, 61], [182, 62]]);
  });

  it("are closed over the pole that they go round", () => {
    const ring = [-180, -90, 0, 90, 180].map((longitude) => [longitude, -70]);
    const closed = unwrapped(ring, true);
    expect(closed.slice(-2)).toEqual([[180, -90], [-180, -90]]);
  });

  it("of world-atlas make polygons without leaps, and borders", () => {
    const land = landFrom(atlas as never);
    expect(land.polygons.length).toBeGreaterThan(100);
    expect(land.borders.length).toBeGreaterThan(100);
    for (const { rings } of land.polygons) {
      for (const { points, south } of rings) {
        for (let i = 2; i < points.length; i += 2) {
          const leap = Math.abs(points[i]! - points[i - 2]!);
          if (points[i + 1]! > -90) expect(leap).toBeLessThan(181);
        }
        expect(south).toBeGreaterThanOrEqual(-90);
      }
    }
  });

  it("fall into pieces that are closed for rings, and leave out what runs along a pole", () => {
    const line = (points: number[]) => ({ points: Float64Array.from(points), west: 0, east: 0, south: 0, north: 0 });
    expect(pieces(line([0, 0, 1, 0, 1, 1]), true)).toEqual([[0, 1], [1, 2], [2, 0]]);
    expect(pieces(line([0, 0, 1, 0, 1, 1]), false)).toEqual([[0, 1], [1, 2]]);
    expect(pieces(line([-180, -70, 180, -70, 180, -90, -180, -90]), true)).toEqual([]);
  });

  it("within a box are the part of them that lies in it", () => {
    const square = [0, 0, 10, 0, 10, 10, 0, 10];
    const box = { west: 5, south: -5, east: 15, north: 5 };
    const inside = clipped(square, box);
    expect(area(inside)).toBeCloseTo(25, 9);
    expect(clipped(square, { west: 20, south: 0, east: 30, north: 10 })).toEqual([]);
    expect(area(clipped(square, { west: -1, south: -1, east: 11, north: 11 }))).toBe(100);
    for (let i = 0; i < inside.length; i += 2) {
      expect(inside[i]).toBeGreaterThanOrEqual(5);
      expect(inside[i + 1]).toBeLessThanOrEqual(5);
    }
  });
});

describe("places", () => {
  it("are reached along great circles", () => {
    const quarter_m = (6_371_000 * Math.PI) / 2;
    expect(reached(0, 0, 0, quarter_m)[1]).toBeCloseTo(90, 9);
    const [longitude, latitude] = reached(10, 0, Math.PI / 2, quarter_m);
    expect(longitude).toBeCloseTo(100, 9);
    expect(latitude).toBeCloseTo(0, 9);
  });

  it("around an ellipse are as far as its axes say", () => {
    const ring = ellipseRing(140, 0, { semi_major_m: 111_195, semi_minor_m: 11_119.5, azimuth_deg: 90 });
    const longitudes = ring.map(([east]) => east);
    const latitudes = ring.map(([, north]) => north);
    // A degree of the sphere is 111,195 m; at the equator east is as long as north.
    expect(Math.max(...longitudes) - Math.min(...longitudes)).toBeCloseTo(2, 4);
    expect(Math.max(...latitudes) - Math.min(...latitudes)).toBeCloseTo(0.2, 4);
    expect(ring[0]![0]).toBeCloseTo(ring.at(-1)![0], 9);
  });
});
